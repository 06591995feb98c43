"""The listeners of a run: their sockets, bound before any worker starts, and the addresses that people open."""

from __future__ import annotations

import contextlib
import errno
import socket
from dataclasses import dataclass

from gateway.config.model import Config
from gateway.config.problem import Problem
from gateway.process.sockets import bind, url


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the run can be reached, by how many workers, and the digest of its configuration."""

    gateway: str
    ops: str
    workers: int
    digest: str
    egress: str = ""
    """Empty when that listener is not opened."""


class CannotStart(Exception):
    """The run cannot begin; the message says why, for people. ``problem`` is the place in the files, where there is one."""

    def __init__(self, why: str, problem: Problem | None = None) -> None:
        super().__init__(why)
        self.problem = problem


def cannot_listen(config: Config, part: str, host: str, port: int, error: OSError) -> Problem:
    """The problem of a listener of ``config`` that cannot be opened, for ``error``. ``part`` is where it is written, such as
    ``listen.egress``."""
    path, hint = f"{part}.host", "name an address of this machine, without brackets and port"
    if error.errno == errno.EADDRINUSE:
        path, hint = f"{part}.port", "another program listens there, or this gateway runs already: choose a free port"
    elif error.errno == errno.EACCES:
        path, hint = f"{part}.port", "this user may not have it: choose a port from 1024 on"
    at = next((setting.at for setting in config.settings if setting.path == path and setting.at), "")
    entry = str(config.files[0]) if config.files else ""
    file, line, column = (at or f"{entry}:1:1").rsplit(":", 2)
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    sentence = f"cannot listen on {where}: {error.strerror or error}"
    return Problem(file, int(line), int(column), path, sentence, hint)


class Listeners:
    """The sockets of a run: of the public and the egress listener one for each worker, of the operators' one in all.
    ``egress`` is empty when that listener is not opened. Raises CannotStart when an address cannot be had."""

    def __init__(self, config: Config) -> None:
        listen, ops, egress = config.listen, config.ops, config.listen.egress
        self.public: list[socket.socket] = []
        self.ops: list[socket.socket] = []
        self.egress: list[socket.socket] = []
        self._config = config
        self._bind(self.public, "listen", listen.host, listen.port, listen.workers)
        self._bind(self.ops, "ops", ops.host, ops.port, 1)
        if egress is not None:
            self._bind(self.egress, "listen.egress", egress.host, egress.port, listen.workers)

    def _bind(self, sockets: list[socket.socket], setting: str, host: str, port: int, count: int) -> None:
        try:
            sockets += bind(host, port, count)
        except OSError as error:
            self.close()
            problem = cannot_listen(self._config, setting, host, port, error)
            raise CannotStart(f"{setting}: {problem.sentence}", problem) from error

    def addresses(self, config: Config) -> Addresses:
        """The addresses of these listeners under ``config``."""
        listen = config.listen
        return Addresses(
            url("https" if listen.tls else "http", listen.host, _port(self.public)),
            url("http", config.ops.host, _port(self.ops)),
            len(self.public),
            config.digest,
            url("http", listen.egress.host, _port(self.egress)) if listen.egress else "",
        )

    def close_shared(self) -> None:
        """Close the sockets that the workers have as well. The public ones listen no more then, whoever still has them: a
        worker that is stopped has those of all. On egress the workers go on until they have drained."""
        for sock in self.public:
            with contextlib.suppress(OSError):  # closed already
                sock.shutdown(socket.SHUT_RDWR)
        for sock in (*self.public, *self.egress):
            sock.close()

    def close(self) -> None:
        """Close all sockets, those that are closed already included."""
        self.close_shared()
        for sock in self.ops:
            sock.close()


def _port(sockets: list[socket.socket]) -> int:
    port: int = sockets[0].getsockname()[1]
    return port
