"""A whole gateway without sockets: bytes of a client in, the bytes that clients and upstreams get out. Thousands in a second."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.config.load import load
from gateway.config.model import Config
from gateway.core.exchange import Exchange
from gateway.policy.base.tools import Tools
from gateway.proxy.compile.limits import limits_of
from gateway.proxy.compile.runtime import Runtime
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.pool import Pool
from gateway.proxy.server.connection import ClientConnection
from gateway.proxy.server.server import Server
from gateway.state.memory.store import MemoryStore
from tests.gateway_fixture import Recorder, written

RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ITERATIONS = 400  # of the event loop without a byte either way, after which a request is stuck
_REASON = re.compile(rb'"reason":"([a-z_]+)"')
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: chunked\r\n", re.IGNORECASE)


class Transport(asyncio.Transport):
    """The end of a connection that has no socket."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None: ...

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None: ...

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class UpstreamEnd(Transport):
    """Answers 200 to every request that is whole. ``requests`` are those, ``partial`` what is left of a cut one."""

    def __init__(self, connection: UpstreamConnection, requests: list[bytes], partial: list[bytes]) -> None:
        super().__init__()
        self._connection = connection
        self._requests = requests
        self._partial = partial

    def write(self, data: Any) -> None:
        self.written += data
        while (size := whole(self.written)) is not None:
            self._requests.append(bytes(self.written[:size]))
            del self.written[:size]
            asyncio.get_running_loop().call_soon(self._respond)

    def _respond(self) -> None:
        if not self.closed:
            self._connection.data_received(RESPONSE)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            if self.written:
                self._partial.append(bytes(self.written))
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)

    abort = close


def whole(data: bytearray) -> int | None:
    """How many of these bytes are one request as the gateway writes them, None while it is not whole."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head, at = bytes(data[: end + 2]), end + 4
    length = _LENGTH.search(head)
    if length is not None:
        return at + int(length[1]) if len(data) >= at + int(length[1]) else None
    if _CHUNKED.search(head) is None:
        return at
    while (line := data.find(b"\r\n", at)) >= 0:
        size = int(bytes(data[at:line]), 16)
        at = line + 2 + size + 2
        if len(data) < at:
            return None
        if size == 0:
            return at
    return None


@dataclass
class Outcome:
    """What came of one connection of a client: what it got, and what the upstream got for it, whole or not."""

    response: bytes
    sent: list[bytes]
    partial: list[bytes]
    exchanges: list[Exchange]
    closed: bool = False
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    @property
    def status(self) -> int:
        """Status of the first final response, 0 without one."""
        final = self.response.removeprefix(CONTINUE)
        return int(final[9:12]) if final else 0

    @property
    def reason(self) -> str:
        """The slug of the first refusal, empty without one."""
        found = _REASON.search(self.response)
        return found[1].decode() if found is not None and self.status >= 400 else ""


class InProcess:
    """One gateway for many connections, one after the other."""

    def __init__(self, config: Config) -> None:
        self._loop = asyncio.new_event_loop()
        self._errors: list[dict[str, Any]] = []
        self._loop.set_exception_handler(lambda _, context: self._errors.append(context))
        self._seen = Recorder()
        self._requests: list[bytes] = []
        self._partial: list[bytes] = []
        self._loop.run_until_complete(self._build(config))

    async def _build(self, config: Config) -> None:
        self._server = Server(limits_of(config), self._seen)
        self._runtime = Runtime(config, Tools(MemoryStore(), lambda: 1_000_000_000.0, ()))
        for upstream in self._runtime.upstreams.values():
            upstream.pool.connector.connect = self._connector(upstream.pool)  # type: ignore[method-assign]  # no sockets
        self._server.swap(self._runtime)

    def _connector(self, pool: Pool) -> Any:
        async def connect(endpoint: Endpoint, *_: Any) -> UpstreamConnection:
            connection = pool.connector._make(endpoint, "127.0.0.1")
            connection.connection_made(UpstreamEnd(connection, self._requests, self._partial))
            return connection

        return connect

    def ask(self, *pieces: bytes) -> Outcome:
        """What comes of a client that sends ``pieces`` and then ends its side.

        Raises AssertionError for an exception that escapes in the loop, and for a connection that ends up stuck.
        """
        return self._loop.run_until_complete(self._ask(pieces))

    async def _ask(self, pieces: Sequence[bytes]) -> Outcome:
        self._requests.clear()
        self._partial.clear()
        self._seen.exchanges, self._seen.events = [], []
        client, wire = ClientConnection(self._server.dispatcher, self._server, "127.0.0.1"), Transport()
        client.connection_made(wire)
        for piece in pieces:
            client.data_received(piece)
            await asyncio.sleep(0)
        if not client.eof_received():  # as asyncio does
            wire.close()
        seen, idle = (0, 0), 0
        while not wire.closed and idle < ITERATIONS:
            await asyncio.sleep(0)
            now = (len(wire.written), sum(map(len, self._requests)))
            seen, idle = (seen, idle + 1) if now == seen else (now, 0)
        client.connection_lost(None)
        for _ in range(8):
            await asyncio.sleep(0)
        outcome = Outcome(bytes(wire.written), self._requests[:], self._partial[:], self._seen.exchanges, wire.closed)
        outcome.events = self._seen.events
        assert not self._errors, self._errors
        assert idle < ITERATIONS, "neither a response nor an end"
        return outcome

    def close(self) -> None:
        """End what the gateway holds."""

        async def end() -> None:
            for upstream in self._runtime.upstreams.values():
                for connection in list(upstream.pool.open):
                    connection.close()
            await self._runtime.close()
            await asyncio.sleep(0)

        self._loop.run_until_complete(end())
        self._loop.close()


@contextmanager
def in_process(
    entry: str | Path, policies: str = "", files: Mapping[str, str] | None = None, **env: str
) -> Iterator[InProcess]:
    """A gateway for the text ``entry`` with ``policies`` and the ``files`` beside them, or for the file at that path."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (files or {}).items():
            path = Path(folder) / "policies" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if isinstance(entry, Path):
            config = load(entry, env)
            assert isinstance(config, Config), "\n".join(map(str, config))
        else:
            config = written(Path(folder), entry, policies, env)
        gateway = InProcess(config)
        try:
            yield gateway
        finally:
            gateway.close()
