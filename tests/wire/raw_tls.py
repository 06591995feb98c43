"""A TLS client whose every record is its own doing: it may end its side and go on reading, which no stream of asyncio does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable


class RawTls:
    """TLS over ``sock``, by a state machine of its own."""

    def __init__(self, sock: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.sock = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out)

    async def handshake(self) -> None:
        """Be connected, and take the session tickets that the gateway sends behind it: to close with them unread is a reset."""
        await self._through(self._tls.do_handshake)
        self._in.write(await asyncio.get_running_loop().sock_recv(self.sock, 65536))

    async def send(self, data: bytes) -> None:
        self._tls.write(data)
        await self._flush()

    async def close_notify(self) -> None:
        """End this side, and no other."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        await self._flush()

    async def read_to_end(self) -> bytes:
        """What comes until close_notify, or until the connection ends."""
        found = b""
        while piece := await self._through(lambda: self._tls.read(65536)):
            found += piece
        return found

    async def _through(self, act: Callable[[], bytes | None]) -> bytes | None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                return act()
            except ssl.SSLWantReadError:
                await self._flush()
                data = await loop.sock_recv(self.sock, 65536)
                if not data:
                    return b""
                self._in.write(data)
            except ssl.SSLZeroReturnError:  # both sides have ended
                return b""
            finally:
                await self._flush()

    async def _flush(self) -> None:
        if self._out.pending:
            await asyncio.get_running_loop().sock_sendall(self.sock, self._out.read())


class RawPlain:
    """The same without TLS."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def close_notify(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    async def read_to_end(self) -> bytes:
        found = b""
        while piece := await asyncio.get_running_loop().sock_recv(self.sock, 65536):
            found += piece
        return found


@contextlib.asynccontextmanager
async def raw_client(port: int, tls: bool) -> AsyncIterator[RawTls | RawPlain]:
    """A connection to ``port`` of loopback."""
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        if tls:
            client = RawTls(sock)
            await client.handshake()
            yield client
        else:
            yield RawPlain(sock)
