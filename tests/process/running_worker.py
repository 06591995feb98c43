"""A worker in this process, which serves on real sockets, and the reports that it has sent."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from gateway.config.model import Config
from gateway.ops.log import Log
from gateway.ops.sink import Sink
from gateway.process.channel import Start
from gateway.process.worker import Worker
from gateway.state.memory.store import MemoryStore


class Running:
    """A worker that serves."""

    def __init__(self, config: Config, egress: bool = False) -> None:
        self.reports: list[Mapping[str, Any]] = []
        self.store = MemoryStore()
        self.sink = Sink(os.open(os.devnull, os.O_WRONLY))
        self.listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2 if egress else 1)]
        self.ports = [listener.getsockname()[1] for listener in self.listeners]
        first, *rest = (listener.detach() for listener in self.listeners)
        start = Start(config, 0, first, Path("/nowhere"), b"key", "1.2.3", 5.0, rest[0] if rest else None)
        self.worker = Worker(start, Log(self.sink, b"k"), self.store, self.reports.append)

    async def get(self, path: str, port: int = 0) -> bytes:
        """The first line of a response."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[port])
        writer.write(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode())
        response = await reader.read()
        writer.close()
        return response.partition(b"\r\n")[0]

    def counted(self, name: str) -> dict[tuple[str, ...], float]:
        """The samples of a counter or gauge in a new report."""
        self.worker.report()
        metrics = self.reports[-1]["metrics"]
        return {
            tuple(labels): value for kind in ("counters", "gauges") for labels, value in metrics[kind].get(name, ())
        }


Serve = Callable[..., AbstractAsyncContextManager[Running]]
