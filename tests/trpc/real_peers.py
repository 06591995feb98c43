"""The real tRPC client and the real tRPC server, each a Node process, and how a test drives them."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import selectors
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.eventually import eventually
from tests.gateway_fixture import SECRET

HERE = Path(__file__).parent
START_SECONDS = 30.0
ANSWER_SECONDS = 15.0


@dataclass
class Node:
    """One Node process that printed its port. It ends when its standard input is closed."""

    process: subprocess.Popen[bytes]
    port: int


def start(script: str) -> Node:
    """Start a script of this folder. A missing or silent Node fails the test that wants it; it is never a skip."""
    node = shutil.which("node")
    assert node is not None, "node is not installed; scripts/setup brings it"
    process = subprocess.Popen(
        [node, script],
        cwd=HERE,
        env={**os.environ, "JWT_SECRET": SECRET, "NODE_NO_WARNINGS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        ready = selector.select(START_SECONDS)
    line = process.stdout.readline() if ready else b""
    if not line:
        process.kill()
        process.wait()
        raise AssertionError(f"{script} did not start")
    return Node(process, json.loads(line)["port"])


def stop(node: Node) -> None:
    assert node.process.stdin is not None
    assert node.process.stdout is not None
    node.process.stdin.close()
    try:
        assert node.process.wait(10) == 0
    finally:
        node.process.kill()
        node.process.stdout.close()


@dataclass
class RealServer:
    """The real server: its address and what it has seen since this test began."""

    url: str
    session: aiohttp.ClientSession

    async def state(self) -> Any:
        """``runs`` by procedure, ``heads`` of requests, ``held`` calls, ``streamsOpen``, ``streamsCancelled``."""
        async with self.session.get(f"{self.url}/__control/state") as response:
            return await response.json()

    async def control(self, verb: str, body: Any = None) -> None:
        async with self.session.post(f"{self.url}/__control/{verb}", json=body or {}) as response:
            assert response.status == 200

    async def push(self, topic: str, **event: Any) -> None:
        """One event for the subscribers of ``topic``; ``end=True`` ends it, ``fail="why"`` is an error."""
        await self.control("push", {"topic": topic, "event": event})

    async def until(self, **wanted: Any) -> Any:
        """Wait until the state holds these values; what is waited for has been set in motion already."""

        async def reached() -> Any:
            state = await self.state()
            return state if all(state[name] == value for name, value in wanted.items()) else None

        return await eventually(reached)


@dataclass
class Task:
    """Calls under way, or a subscription; events arrive in order."""

    id: int
    events: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    async def next(self, *kinds: str) -> dict[str, Any]:
        """The next event of these kinds (any kind when none is named); others on the way are passed over."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                event = await self.events.get()
                if not kinds or event["event"] in kinds:
                    return event


class RealClient:
    """The real client, one connection to its driver."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._tasks: dict[int, Task] = {}

    def start(self, url: str, link: str, *calls: Any, **options: Any) -> Task:
        """Begin ``calls`` (a procedure's name, or name and superjson input) against the tRPC mount at ``url``."""
        task = Task(next(self._ids))
        self._tasks[task.id] = task
        pairs = [call if isinstance(call, tuple) else (call,) for call in calls]
        self._send({"id": task.id, "url": f"{url}/api/trpc", "link": link, "calls": pairs, **options})
        return task

    def stop(self, task: Task) -> None:
        """Unsubscribe, or abort the calls."""
        self._send({"id": task.id, "link": "stop"})

    async def call(self, url: str, link: str, *calls: Any, **options: Any) -> list[dict[str, Any]]:
        """What each call came to, in the order of the calls."""
        task = self.start(url, link, *calls, **options)
        outcomes: list[dict[str, Any]] = [{} for _ in calls]
        while True:
            event = await task.next()
            if event["event"] == "settled":
                return outcomes
            outcomes[event["call"]] = event

    def _send(self, command: dict[str, Any]) -> None:
        self._writer.write(json.dumps(command).encode() + b"\n")

    async def listen(self) -> None:
        while line := await self._reader.readline():
            event = json.loads(line)
            self._tasks[event["id"]].events.put_nowait(event)
