"""A whole run whose upstream sends without end: a worker does not grow by it, whatever feature made the call."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import ClientError, ClientSession

from tests.endless_upstream import ENDLESS, endless
from tests.gateway_run import ENTRY, OPERATOR, Maker
from tests.upstream_fixture import running_upstream

KINDS = ("field value", "100 Continue", "trailers", "one trailer's value", "chunk extension")
GROWTH = 48 * 1024
"""KiB by which a worker may grow under eight such calls at once of each kind; one took 800 MB in two seconds."""

HOSTILE = ENTRY.replace(
    "request_headers: {set: {x-key: \"${UPSTREAM_KEY}\"}}}",
    "request_headers: {set: {x-key: \"${UPSTREAM_KEY}\"}}}\n"
    "  hostile:\n"
    "    endpoints: [{url: \"HOSTILE\"}, {url: \"HOSTILE/\"}]\n"
    "    retries: {attempts: 2}\n"
    "    hedge: {after: 20ms}\n"
    "    health_check: {path: /health, interval: 1s}\n",
).replace("routes:\n", "routes:\n  - {name: hostile, paths: [\"/api/hostile/*\"], upstream: hostile, auth: public}\n")  # fmt: skip


def peak(pid: int) -> int:
    """KiB of memory that a process had at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


async def test_a_worker_does_not_grow(runs: Maker, http: ClientSession) -> None:
    kind = [""]

    async def script(fake: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await endless(*ENDLESS[kind[0]])(fake, reader, writer)  # type: ignore[arg-type]  # the fixture's own upstream

    async def ask(url: str) -> bytes:
        try:
            async with http.get(url) as response:
                return await response.read()
        except ClientError:
            return b"cut off"

    kind[0] = KINDS[0]
    async with running_upstream(script=script) as fake:
        run = await runs(
            entry=HOSTILE.replace("HOSTILE/", fake.url.replace("127.0.0.1", "localhost")).replace("HOSTILE", fake.url)
        )
        async with http.get(f"{run.ops}/health", headers=OPERATOR) as response:
            (pid,) = (await response.json())["workers"]["pids"]
        before = peak(pid)
        for each in KINDS:
            kind[0] = each
            got = await asyncio.gather(*(ask(f"{run.url}/api/hostile/{number}") for number in range(8)))
            assert all(b"cut off" in one or b"upstream_" in one or b"no_healthy" in one for one in got), (each, got)
        assert peak(pid) - before < GROWTH, f"{(peak(pid) - before) >> 10} MiB"
        assert run.events("worker_died") == []
