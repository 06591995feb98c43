"""A worker's memory: flat over many requests, and bounded however large a body and however slow its reader."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.eventually import eventually
from tests.gateway_run import ENTRY, Maker, Run, worker_pids
from tests.soak import FLAT, soaking
from tests.upstream_fixture import Upstream, running_upstream

MiB = 1024 * 1024
SIZE = 50 * MiB
PIECE = b"x" * 65536
# What the kernel may hold between two processes when nobody reads: both buffers of both connections.
ON_THE_WAY = 24 * MiB
MOST = (
    6 * 1024
)  # KiB by which a worker may grow at its peak: four buffers of 256 KiB, and what the first large body costs

FILES = ENTRY.replace("BACKEND", "SLOWLY").replace(
    "\nauth:\n",
    "\n  - {name: files, paths: [/files/*], methods: [GET, PUT], upstream: tutor, auth: public, body: any}\n"
    "bodies:\n  any: {max: 60MB}\nauth:\n",
)


async def test_ten_thousand_requests_of_every_kind_leave_nothing_behind(tmp_path: Path) -> None:
    async with soaking(tmp_path) as soak:
        soak.variety = 200  # soon all remembered
        await soak.load(6000)
        growths: list[int] = []
        while len(growths) < 3 and min(growths, default=FLAT) >= FLAT:  # what leaks, leaks each time
            before = soak.memory()
            await soak.load(10_000)
            growths.append(soak.memory() - before)
        assert min(growths) < FLAT, growths
        assert set(soak.statuses) >= {-1, 200, 401, 403, 404, 429}
        assert max(soak.statuses) < 500


async def peak(run: Run, http: ClientSession) -> Callable[[], int]:
    """A function that tells how many KiB the worker has grown by at its peak since now."""
    (pid,) = await worker_pids(run, http)

    def read(name: str) -> int:
        found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        assert found is not None
        return int(found[1])

    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted from now on
    before = read("VmRSS")
    return lambda: read("VmHWM") - before


async def stalled(count: Callable[[], int]) -> int:
    """Wait until ``count`` has moved and then stands still; where it stands."""
    still, last = 0, 0
    async with asyncio.timeout(20):
        while still < 15:
            await asyncio.sleep(0.02)
            still, last = (still + 1 if count() == last and last else 0), count()
    return last


class Slow:
    """An upstream that sends or takes SIZE bytes; it reads a body only when ``release`` is set."""

    def __init__(self) -> None:
        self.sent = 0
        self.received = 0
        self.release = asyncio.Event()

    async def script(self, fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if head.startswith(b"PUT"):
                await self.release.wait()
                while self.received < SIZE:
                    self.received += len(await reader.read(MiB))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            elif b"/files/large" in head:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % SIZE)
                while self.sent < SIZE:
                    writer.write(PIECE)
                    await writer.drain()
                    self.sent += len(PIECE)
            else:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + b"x" * 100_000)


@pytest.fixture
async def slow(runs: Maker, http: ClientSession) -> AsyncIterator[tuple[Slow, Run]]:
    """A run before such an upstream, which has streamed a little both ways already."""
    upstream = Slow()
    async with running_upstream(script=upstream.script) as fake:
        run = await runs(entry=FILES.replace("SLOWLY", fake.url))
        async with http.get(run.url + "/files/warm") as response:
            assert len(await response.read()) == 100_000
        yield upstream, run


async def test_a_large_answer_waits_for_a_slow_client(slow: tuple[Slow, Run], http: ClientSession) -> None:
    upstream, run = slow
    grown = await peak(run, http)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(run.url.rpartition(":")[2]))
    writer.write(b"GET /files/large HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    assert await stalled(lambda: upstream.sent) < ON_THE_WAY
    read = 0
    while piece := await reader.read(MiB):
        read += len(piece)
    writer.close()
    assert read == SIZE
    assert grown() < MOST


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
async def test_a_large_body_waits_for_a_slow_upstream(
    slow: tuple[Slow, Run], http: ClientSession, framing: str
) -> None:
    upstream, run = slow
    grown = await peak(run, http)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(run.url.rpartition(":")[2]))
    fields = f"content-length: {SIZE}" if framing == "content-length" else "transfer-encoding: chunked"
    writer.write(f"PUT /files/a HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n{fields}\r\n\r\n".encode())
    sent = 0

    async def send() -> None:
        nonlocal sent
        while sent < SIZE:
            writer.write(b"10000\r\n" + PIECE + b"\r\n" if framing == "chunked" else PIECE)
            await writer.drain()
            sent += len(PIECE)
        if framing == "chunked":
            writer.write(b"0\r\n\r\n")

    sending = asyncio.create_task(send())
    assert await stalled(lambda: sent) < ON_THE_WAY
    upstream.release.set()
    await sending
    async with asyncio.timeout(20):
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    writer.close()
    await eventually(lambda: upstream.received >= SIZE)
    assert grown() < MOST
