"""Clients that send requests without end, on kept connections and on new ones, and know which of them had no response."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from urllib.parse import urlsplit

POST = b"POST %s HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 2\r\n%s\r\n{}"


class Load:
    """The clients of one gateway. ``answered`` has the responses by status; ``lost`` why a request that was sent had none;
    ``closes`` is how many responses said that they were the last one of their connection. A connection that is refused loses
    nothing, and ends its client."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None, path: str = "/api/info") -> None:
        parts = urlsplit(url)
        self._path = path.encode()
        self._address = (parts.hostname or "", parts.port or 0)
        self._tls = tls
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = False
        self.answered: Counter[int] = Counter()
        self.lost: list[str] = []
        self.closes = 0

    def begin(self, kept: int, new: int, pause: float = 0.002) -> None:
        """``kept`` clients that keep their connection, and ``new`` ones that make one for each request, each with ``pause``
        seconds between two requests."""
        self._tasks += [asyncio.create_task(self._client(True, pause)) for _ in range(kept)]
        self._tasks += [asyncio.create_task(self._client(False, pause)) for _ in range(new)]

    async def refused(self) -> None:
        """Wait until every client has been refused."""
        async with asyncio.timeout(20):
            await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        """Have each client end with the response that it waits for."""
        self._stopped = True
        await self.refused()

    async def _client(self, keeps: bool, pause: float) -> None:
        while not self._stopped:
            try:
                reader, writer = await asyncio.open_connection(
                    *self._address, ssl=self._tls, server_hostname="localhost" if self._tls else None
                )
            except ConnectionRefusedError:
                return
            except OSError as error:  # under TLS: it was accepted
                self.lost.append(f"connecting: {error!r}")
                return
            try:
                while await self._ask(reader, writer, keeps) and not self._stopped:
                    await asyncio.sleep(pause)
            finally:
                writer.close()
            await asyncio.sleep(pause)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keeps: bool) -> bool:
        """Whether the connection goes on."""
        try:
            writer.write(POST % (self._path, b"" if keeps else b"connection: close\r\n"))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
        except (asyncio.IncompleteReadError, OSError) as error:
            self.lost.append(f"{'kept' if keeps else 'new'}: {error!r}")
            return False
        self.answered[int(head.split()[1])] += 1
        closes = b"\r\nconnection: close\r\n" in head.lower()
        self.closes += closes
        return keeps and not closes
