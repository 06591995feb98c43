"""Accepting connections: all that wait at once, where uvloop takes one in each iteration of the loop.

Under load an iteration takes milliseconds, and the last of 256 clients that came together waited for more than a second
(libuv since 1.45 accepts one connection per event).
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable

AT_ONCE = 128  # connections taken in one iteration, so that the requests in progress go on
BACKLOG = 4096  # connections that the kernel holds until they are taken
PAUSE = 1.0  # seconds without accepting when there is no descriptor or memory for one more

_SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Listener:
    """Accepts on ``sock``, which is bound, and makes a protocol of ``factory`` for each connection."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        factory: Callable[[], asyncio.BaseProtocol],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._factory = factory
        self._tls = tls
        self._joining: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        sock.setblocking(False)
        sock.listen(BACKLOG)
        loop.add_reader(sock, self._accept)

    def close(self) -> None:
        """Take no more connections; those that are in a TLS handshake end."""
        if self._sock.fileno() < 0:
            return
        self._loop.remove_reader(self._sock)
        self._sock.close()
        if self._pause is not None:
            self._pause.cancel()
        for task in self._joining:
            task.cancel()

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                accepted, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _SHORT:
                    raise
                # The client stays in the kernel's queue; asking again at once would be a loop without end.
                self._loop.remove_reader(self._sock)
                self._pause = self._loop.call_later(PAUSE, self._loop.add_reader, self._sock, self._accept)
                return
            accepted.setblocking(False)
            task = self._loop.create_task(self._join(accepted))
            self._joining.add(task)
            task.add_done_callback(self._joining.discard)

    async def _join(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, accepted, ssl=self._tls)
        except OSError:  # left already, or a handshake that failed: there is no client to respond to
            accepted.close()
        except asyncio.CancelledError:
            accepted.close()
            raise
