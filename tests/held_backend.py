"""A backend in the test's own loop that keeps some of its callers waiting until the test lets it answer."""

from __future__ import annotations

import asyncio
import re

from tests.eventually import eventually


class HeldBackend:
    """Answers /api/info at once, and /api/wait/* once ``release`` is set."""

    def __init__(self) -> None:
        self.waiting = 0
        self.release = asyncio.Event()
        self.heads: list[bytes] = []
        self.ports: list[int] = []
        """Where the connections of the waiting calls come from."""
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        self.release.set()
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()
        await eventually(lambda: not self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head)
                length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                if b"/api/wait/" in head:
                    self.waiting += 1
                    self.ports.append(writer.get_extra_info("peername")[1])
                    await self.release.wait()
                writer.write(
                    b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{"fine":true}'
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
