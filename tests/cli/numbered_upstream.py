"""A small upstream to be killed: it writes down each request's number, then answers with it. Run as a process of its own.

Arguments: the port and the file. A line of the file is one request that has arrived whole.
"""

from __future__ import annotations

import asyncio
import os
import sys


async def serve(port: int, file: int) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                named = dict(line.lower().split(b": ", 1) for line in head[:-4].split(b"\r\n")[1:])
                body = await reader.readexactly(int(named.get(b"content-length", b"0")))
                os.write(file, body + b"\n")
                await asyncio.sleep(0.002)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)))
