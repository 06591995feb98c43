"""The real tRPC client, a gateway in this process, the real tRPC server: client -> gateway -> server, all on loopback."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import selectors
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.gateway_fixture import SECRET

HERE = Path(__file__).parent
START_SECONDS = 30.0
ANSWER_SECONDS = 15.0


@dataclass
class Node:
    """One Node process that printed its port. It ends when its standard input is closed."""

    process: subprocess.Popen[bytes]
    port: int


def _start(script: str) -> Node:
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


def _stop(node: Node) -> None:
    assert node.process.stdin is not None
    assert node.process.stdout is not None
    node.process.stdin.close()
    try:
        assert node.process.wait(10) == 0
    finally:
        node.process.kill()
        node.process.stdout.close()


@pytest.fixture(scope="session")
def packages() -> None:
    """The npm packages, installed from the lock file when they are not there yet."""
    if not (HERE / "node_modules" / "@trpc").is_dir():
        npm = shutil.which("npm")
        assert npm is not None, "npm is not installed; scripts/setup brings it"
        subprocess.run([npm, "ci", "--ignore-scripts", "--loglevel=error"], cwd=HERE, check=True, timeout=300)


@pytest.fixture(scope="session")
def server_process(packages: None) -> Iterator[Node]:
    node = _start("server.mjs")
    yield node
    _stop(node)


@pytest.fixture(scope="session")
def client_process(packages: None) -> Iterator[Node]:
    node = _start("client.mjs")
    yield node
    _stop(node)


@dataclass
class Server:
    """The real server: its address and what it has seen since this test began."""

    url: str
    session: aiohttp.ClientSession

    async def state(self) -> Any:
        """``runs`` by procedure, ``heads`` of requests, ``held`` calls, ``streamsOpen``, ``streamsCancelled``."""
        async with self.session.get(f"{self.url}/__control/state") as answer:
            return await answer.json()

    async def control(self, verb: str, body: Any = None) -> None:
        async with self.session.post(f"{self.url}/__control/{verb}", json=body or {}) as answer:
            assert answer.status == 200

    async def push(self, topic: str, **event: Any) -> None:
        """One event for the subscribers of ``topic``; ``end=True`` ends it, ``fail="why"`` is an error."""
        await self.control("push", {"topic": topic, "event": event})

    async def until(self, **wanted: Any) -> Any:
        """Wait until the state holds these values; what is waited for has been set in motion already."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                state = await self.state()
                if all(state[name] == value for name, value in wanted.items()):
                    return state
                await asyncio.sleep(0.005)


@pytest.fixture
async def server(server_process: Node) -> AsyncIterator[Server]:
    async with aiohttp.ClientSession() as session:
        there = Server(f"http://127.0.0.1:{server_process.port}", session)
        await there.control("release")
        await there.until(held=0, streamsOpen=0)
        await there.control("reset")
        yield there


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


class Client:
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


@pytest.fixture
async def client(client_process: Node) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", client_process.port, limit=2**27)
    made = Client(reader, writer)
    listening = asyncio.create_task(made.listen())
    yield made
    writer.close()
    await writer.wait_closed()
    listening.cancel()
