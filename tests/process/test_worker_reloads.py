"""Reloads while requests are served, over real sockets: none is lost, none changes its configuration, and nothing is kept."""

from __future__ import annotations

import asyncio
import gc
import os
import weakref
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.process.channel import Reload
from gateway.proxy.compile.runtime import Runtime
from tests.eventually import eventually
from tests.held_backend import HeldBackend
from tests.process.configs import written
from tests.process.running_worker import Running, Serve

ROUTES = """\
  - {name: wait, paths: ["/api/wait/*"], methods: [GET, POST], upstream: stt, auth: public}
  - {name: stream, paths: [/api/stream], upstream: streams, auth: public}
"""
RELOADS = 50
REQUEST = b"GET %b HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"

pytestmark = pytest.mark.no_cover  # the same lines hundreds of times, which the tests of the worker count


class Streams:
    """An upstream whose responses are events without end."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        self.writers.append(writer)

    def send(self, text: str) -> None:
        for writer in self.writers:
            event = f"data: {text}\n\n".encode()
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))


@pytest.fixture
async def backend() -> AsyncIterator[HeldBackend]:
    made = HeldBackend()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def streams() -> AsyncIterator[tuple[Streams, str]]:
    made = Streams()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    yield made, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for writer in made.writers:
        writer.close()
    await server.wait_closed()


class Files:
    """Configurations that differ: each in a path, and every fifth in what its upstreams are made of."""

    def __init__(self, folder: Path, backend: str, streams: str) -> None:
        self._folder, self._backend, self._streams = folder, backend, streams

    def number(self, number: int) -> Reload:
        timeouts = f", timeouts: {{idle: {4 + number // 5}s}}"
        replaced = {
            "breaker: quick}": f"breaker: quick{timeouts}}}\n  streams: {{endpoints: [{{url: '{self._streams}'}}]{timeouts}}}",
            "/api/info]": f"/api/info, /api/{number}]",
        }
        return Reload(written(self._folder, self._backend, ROUTES, **replaced), float(number))


async def swap(running: Running, order: Reload) -> None:
    await running.worker.prepare(order)
    assert running.reports[-1]["why"] == "", running.reports[-1]
    running.worker.swap(True)


async def test_fifty_reloads_under_load_lose_nothing_and_end_nothing_that_is_under_way(
    serve: Serve, tmp_path: Path, backend: HeldBackend, streams: tuple[Streams, str]
) -> None:
    upstream, url = streams
    files = Files(tmp_path, backend.url, url)
    async with serve(files.number(0).config) as running:
        answered: Counter[bytes] = Counter()
        stopped = False

        async def client() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.ports[0])
            while not stopped:
                writer.write(REQUEST % b"/api/info")
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(13)
                answered[head[9:12]] += 1
                await asyncio.sleep(0.005)
            writer.close()

        clients = [asyncio.create_task(client()) for _ in range(4)]
        held, held_writer = await asyncio.open_connection("127.0.0.1", running.ports[0])
        held_writer.write(REQUEST % b"/api/wait/1")
        uploads, upload = await asyncio.open_connection("127.0.0.1", running.ports[0])
        upload.write(b"POST /api/wait/2 HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n" % (RELOADS * 2048))
        events, events_writer = await asyncio.open_connection("127.0.0.1", running.ports[0])
        events_writer.write(REQUEST % b"/api/stream")
        await eventually(lambda: backend.waiting >= 1 and upstream.writers)
        pools = set()
        for number in range(1, RELOADS + 1):
            before = sum(answered.values())
            await swap(running, files.number(number))
            upload.write(b"x" * 2048)
            if number <= 16:
                upstream.send(f"event {number}")
            assert running.worker._runtime is not None
            pools.add(running.worker._runtime.upstreams["tutor"].pool)
            await eventually(lambda before=before: sum(answered.values()) > before + 4)
        backend.release.set()
        assert (await held.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert (await uploads.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        seen = await events.readuntil(b"\r\n0\r\n\r\n")  # which ends it between two events
        assert seen.count(b"data: event ") == 16
        stopped = True
        await asyncio.gather(*clients)
        assert set(answered) == {b"200"}
        assert len(pools) == 1 + RELOADS // 5, "a pool is kept while its upstream is the same"
        for writer in (held_writer, upload, events_writer):
            writer.close()
        lasting = running.worker.server.dispatcher.lasting
        await eventually(lambda: not lasting._watched)


async def test_two_hundred_reloads_keep_no_runtime_no_task_and_no_descriptor(
    serve: Serve, tmp_path: Path, backend: HeldBackend, streams: tuple[Streams, str]
) -> None:
    files = Files(tmp_path, backend.url, streams[1])
    one, other = files.number(1), files.number(6)
    async with serve(files.number(0).config) as running:
        runtimes: weakref.WeakSet[Runtime] = weakref.WeakSet()

        async def reload(count: int) -> None:
            for number in range(count):
                await swap(running, one if number % 2 else other)
                assert running.worker._runtime is not None
                runtimes.add(running.worker._runtime)
                assert await running.get("/api/info") == b"HTTP/1.1 200 OK"

        await reload(10)
        await eventually(lambda: not running.worker._closing and running.worker.server.connections == 0)
        gc.collect()
        tasks, descriptors = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
        await reload(200)
        await eventually(lambda: not running.worker._closing and running.worker.server.connections == 0)
        gc.collect()
        assert len(runtimes) <= 2
        await eventually(lambda: len(asyncio.all_tasks()) <= tasks)
        await eventually(lambda: len(os.listdir("/proc/self/fd")) <= descriptors)
