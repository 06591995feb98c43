"""An upstream that says exactly the bytes a test wants, on a real socket of loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class Received:
    """One request as it reached the upstream."""

    line: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.fields if key.lower() == name]


Script = Callable[["Upstream", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Upstream:
    """``response`` is written after each request read; ``script`` replaces the whole conversation of a connection."""

    response: bytes = OK
    script: Script | None = None
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def read(self, reader: asyncio.StreamReader) -> Received:
        """The next request, its body read by the framing it declares. Raises IncompleteReadError at the end."""
        head = await reader.readuntil(b"\r\n\r\n")
        line, *lines = head[:-4].split(b"\r\n")
        fields = [(name, value.strip()) for name, _, value in (text.partition(b":") for text in lines)]
        named = {name.lower(): value for name, value in fields}
        body = b""
        if named.get(b"transfer-encoding") == b"chunked":
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        elif b"content-length" in named:
            body = await reader.readexactly(int(named[b"content-length"]))
        received = Received(line, fields, body)
        self.requests.append(received)
        self.arrived.set()
        return received

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if self.script is not None:
                await self.script(self, reader, writer)
                return
            while True:
                await self.read(reader)
                writer.write(self.response)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.gone.set()
            writer.close()


@contextlib.asynccontextmanager
async def running_upstream(response: bytes = OK, script: Script | None = None) -> AsyncIterator[Upstream]:
    """A listening upstream; its conversations are ended with the block."""
    upstream = Upstream(response, script)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(upstream.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(lambda _: writer.close())  # one that is cancelled at once has closed nothing

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Response:
    """A response as the client saw it. ``whole`` is false when the connection ended inside it."""

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes
    whole: bool = True

    def __getitem__(self, name: bytes) -> bytes:
        found = [value for key, value in self.fields if key == name]
        assert len(found) == 1, f"{name!r} is there {len(found)} times"
        return found[0]

    def __contains__(self, name: bytes) -> bool:
        return any(key == name for key, _ in self.fields)


class Wire:
    """A client that speaks raw bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def response(self, *, head_only: bool = False) -> Response:
        """The next response. Raises IncompleteReadError when the connection ends before a head."""
        async with asyncio.timeout(5):
            head = await self.reader.readuntil(b"\r\n\r\n")
            line, *lines = head[:-4].split(b"\r\n")
            status = int(line.split()[1])
            fields = [(name.lower(), value.strip()) for name, _, value in (text.partition(b":") for text in lines)]
            if head_only or status < 200 or status in (204, 304):
                return Response(status, fields, b"")
            try:
                return Response(status, fields, await self._body(dict(fields)))
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                return Response(status, fields, getattr(error, "partial", b""), whole=False)

    async def _body(self, named: dict[bytes, bytes]) -> bytes:
        if named.get(b"transfer-encoding") == b"chunked":
            body = b""
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            while await self.reader.readuntil(b"\r\n") != b"\r\n":
                pass
            return body
        if b"content-length" in named:
            return await self.reader.readexactly(int(named[b"content-length"]))
        return await self.reader.read()

    async def ask(self, data: bytes) -> Response:
        self.send(data)
        return await self.response()

    async def ended(self) -> bool:
        """Whether the gateway closes the connection (within five seconds) without saying more."""
        async with asyncio.timeout(5):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True

    def reset(self) -> None:
        """Leave without waiting for anything: the end of a client's interest, which a close alone is not."""
        raw = self.writer.get_extra_info("socket")
        if raw.fileno() >= 0:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    """A raw connection to ``port`` on loopback."""
    client = Wire(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield client
    except asyncio.CancelledError:
        client.reset()
        raise
    finally:
        await client.close()
