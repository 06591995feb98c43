"""Processes killed under load: a worker, the upstream, both. Nobody waits in vain, and nothing is done or answered twice."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession

from tests.cli import numbered_upstream
from tests.eventually import eventually
from tests.free_port import free_port
from tests.gateway_run import Maker, worker_pids
from tests.upstream_fixture import Wire, wire

ENTRY = """\
version: 1
listen: {host: 127.0.0.1, port: 0, workers: WORKERS, drain: DRAIN}
ops: {host: 127.0.0.1, port: 0, token: "${GATEWAY_OPS_TOKEN}"}
state: {path: state}
upstreams:
  tutor:
    endpoints: [{url: "NUMBERED"}]
    timeouts: {response: 2s}
    breaker: quick
routes:
  - {name: numbers, paths: [/numbers], methods: [POST], upstream: tutor, auth: public}
breakers:
  quick: {failures: 5, recover_after: 200ms, probe_timeout: 1s}
"""
CLIENTS = 16


class Numbered:
    """The upstream's process, which can be killed and started again on its port."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "arrived"
        self.file.touch()
        self.port = free_port()

    async def start(self) -> None:
        command = (sys.executable, numbered_upstream.__file__, str(self.port), str(self.file))
        self.process = await asyncio.create_subprocess_exec(*command)

        async def listens() -> bool:
            with contextlib.suppress(ConnectionError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return True
            return False

        await eventually(listens)

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    def arrived(self) -> Counter[bytes]:
        return Counter(self.file.read_bytes().split())


@contextlib.asynccontextmanager
async def numbered(folder: Path) -> AsyncIterator[Numbered]:
    made = Numbered(folder)
    await made.start()
    try:
        yield made
    finally:
        await made.kill()


class Load:
    """Clients that send numbered requests without end, each on a connection that is kept until it is closed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.numbers = itertools.count(1)
        self.ended: Counter[int] = Counter()
        """Requests by status; 0: the connection was closed."""
        self.good: set[bytes] = set()
        self.wrong: list[str] = []
        self.stop = False

    async def client(self) -> None:
        while not self.stop:
            try:
                async with wire(self.port) as client:
                    while not self.stop:
                        await self.ask(client)
            except (asyncio.IncompleteReadError, ConnectionError):
                self.ended[0] += 1

    async def ask(self, client: Wire) -> None:
        number = b"%d" % next(self.numbers)
        head = b"POST /numbers HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(number)
        try:
            response = await client.ask(head + number)
        except TimeoutError:
            self.wrong.append(f"{number!r} got no response")
            raise
        if not response.whole:
            raise ConnectionResetError
        self.ended[response.status] += 1
        if response.status == 200:
            if response.body != number or number in self.good:
                self.wrong.append(f"{number!r} got {response.body!r}")
            self.good.add(number)
        else:
            await asyncio.sleep(0.005)
        if client.reader._buffer:  # type: ignore[attr-defined]  # nothing may follow a response nobody asked for
            self.wrong.append(f"{number!r} got more than one response")

    async def more(self, good: int) -> None:
        """Wait until so many more requests went well."""
        wanted = len(self.good) + good
        await eventually(lambda: len(self.good) >= wanted)


@pytest.mark.slow
async def test_kills_under_load(runs: Maker, http: ClientSession, tmp_path: Path) -> None:
    async with numbered(tmp_path) as upstream:
        run = await runs(workers=2, entry=ENTRY.replace("NUMBERED", f"http://127.0.0.1:{upstream.port}"))
        load = Load(urlsplit(run.url).port or 0)
        clients = [asyncio.create_task(load.client()) for _ in range(CLIENTS)]
        await load.more(200)
        assert load.ended.keys() == {200}

        os.kill((await worker_pids(run, http))[0], signal.SIGKILL)
        await load.more(400)
        assert set(load.ended) <= {200, 0}, "the other worker goes on, and the place is taken again"
        assert load.ended[0] <= CLIENTS

        refused = load.ended.total() - load.ended[200]
        await upstream.kill()
        await eventually(lambda: load.ended.total() - load.ended[200] > refused + 100)
        assert set(load.ended) <= {200, 0, 502, 503}
        await upstream.start()
        await load.more(400)

        os.kill((await worker_pids(run, http))[1], signal.SIGKILL)
        await upstream.kill()
        await asyncio.sleep(0)
        await upstream.start()
        await load.more(400)
        load.stop = True
        await asyncio.gather(*clients)
    assert load.wrong == []
    arrived = upstream.arrived()
    assert set(arrived.values()) == {1}, "a POST never reaches the upstream twice"
    assert load.good <= set(arrived)
    asked = next(load.numbers) - 1
    assert load.ended.total() >= asked, "every request came to an end"
