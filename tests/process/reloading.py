"""A reloader before workers that follow, and what it is given to load."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from gateway.config.files_read import FilesRead
from gateway.config.model import Config
from gateway.config.problem import Problem
from gateway.ops.log import Log
from gateway.ops.metrics.run import RunMetrics
from gateway.ops.sink import Sink
from gateway.process.channel import Order, Reload
from gateway.process.comparison import ConfigComparison
from gateway.process.reload import ReloadAttempt, Reloader, Trigger
from tests.process.configs import written


class Compared:
    """Stands in for the process that compares: gives ``found``, and notes what it was asked."""

    def __init__(self, *found: dict[str, Any], failed: str = "") -> None:
        self.found = ConfigComparison(found, failed)
        self.asked: list[tuple[str, str]] = []
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def __call__(self, old: Config, new: Config) -> ConfigComparison:
        self.asked.append((old.digest, new.digest))
        await self.let_go.wait()
        return self.found


class Child:
    """A worker that follows unless it has a reason not to."""

    def __init__(self, config: Config, why_not: str = "") -> None:
        self.ready = True
        self.pid: int | None = 1
        self.digest = config.digest
        self.why_not = why_not
        self.why_not_swap = ""
        self.swaps: list[bool] = []
        self.others: list[Order] = []
        self.orders: list[str] = []
        self.ended = False
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def prepare(self, order: Reload, timeout: float) -> str:
        self.orders.append(order.config.digest)
        await self.let_go.wait()
        return self.why_not

    async def swap(self, order: Reload, serve: bool, timeout: float) -> str:
        self.swaps.append(serve)
        if serve and not self.why_not_swap:
            self.digest = order.config.digest
        return self.why_not_swap

    def order(self, order: Order) -> None:
        self.others.append(order)

    def end(self) -> None:
        self.ended = True


class Given:
    """A reloader before ``children``; its next load gives ``files``."""

    def __init__(self, folder: Path, fd: int) -> None:
        self.before = written(folder)
        self.after = written(folder, info="chat")
        self.files: Config | list[Problem] = self.after
        self.children: list[Any] = []
        self.metrics = RunMetrics()
        self.sink = Sink(fd)
        self.log = Log(self.sink, b"k")
        self.reloader = Reloader(self.before, lambda _: self.files, self.children)
        self._path = folder / "log"

    def begin_with(self, running: Config) -> None:
        """Another run, with other settings from its beginning."""
        self.before = running
        self.reloader = Reloader(running, lambda _: self.files, self.children)

    def compare_with(self, compare: Compared, loads: list[str] | None = None) -> Compared:
        """Another run, whose comparisons are made by ``compare``; ``loads`` gets a word for each load."""

        def load(_: FilesRead) -> Config | list[Problem]:
            if loads is not None:
                loads.append("load")
            return self.files

        self.reloader = Reloader(self.before, load, self.children, compare)
        return compare

    async def reload(self) -> bool:
        return (await self.attempt()).served

    async def attempt(self, trigger: Trigger = Trigger.SIGNAL, acknowledged: Collection[str] = ()) -> ReloadAttempt:
        return await self.reloader.reload(self.metrics, self.log, trigger, acknowledged)

    def events(self) -> list[dict[str, Any]]:
        self.sink.close()
        return [json.loads(line) for line in self._path.read_text().splitlines()]
