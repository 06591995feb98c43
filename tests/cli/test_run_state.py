"""Whole runs whose state file breaks, is cut off or goes away, or whose store is locked by a process that stands still."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

from aiohttp import ClientError, ClientSession

from tests.eventually import eventually
from tests.gateway_run import ENTRY, OPERATOR, Maker, Run
from tests.state.lmdb.processes import child

LIMITED = ENTRY.replace(
    "upstream: tutor, auth: public}", "upstream: tutor, auth: public, rate_limits: [wide]}", 1
) + (
    "rate_limits:\n"
    "  wide: {limit: 100000/minute, key: [address]}\n"
)  # fmt: skip
PAGE = 4096


async def statuses(http: ClientSession, run: Run, many: int = 20) -> Counter[int]:
    """The statuses of ``many`` requests for a limited route, each on a connection of its own; 0 for one that broke off."""
    found: Counter[int] = Counter()
    for _ in range(many):
        try:
            async with http.get(f"{run.url}/api/info") as response:
                found[response.status] += 1
        except (ClientError, OSError):
            found[0] += 1
    return found


async def health(http: ClientSession, run: Run) -> str:
    async with http.get(f"{run.ops}/health", headers=OPERATOR) as response:
        body = await response.json()
        return str(body["status"])


async def well(http: ClientSession, run: Run) -> bool:
    async with http.get(f"{run.url}/health/ready") as response:
        return response.status == 200 and await health(http, run) == "ok"


def overwrite(file: Path) -> None:
    """The heads and 200 pages."""
    handle = os.open(file, os.O_RDWR)
    for page in [*range(40), *random.Random(1).sample(range(40, 16384), 200)]:
        os.pwrite(handle, random.Random(page).randbytes(PAGE), page * PAGE)
    os.close(handle)


async def test_a_broken_file_is_set_aside_and_no_request_fails(
    runs: Maker, http: ClientSession, tmp_path: Path
) -> None:
    run = await runs(workers=2, entry=LIMITED)
    assert await statuses(http, run) == {200: 20}
    overwrite(tmp_path / "state" / "data.mdb")
    assert await statuses(http, run, 100) == {200: 100}
    event = await run.event("state_set_aside")
    assert event["file"].endswith("state/data.mdb")
    assert (tmp_path / "state" / event["kept_as"]).exists()
    await eventually(lambda: well(http, run))
    assert await statuses(http, run) == {200: 20}
    assert len(run.events("state_set_aside")) == 1, "of one worker"
    assert run.events("worker_died") == []


async def test_a_file_that_was_broken_before_the_start_is_set_aside(
    runs: Maker, http: ClientSession, tmp_path: Path
) -> None:
    run = await runs(workers=2, entry=LIMITED)
    await statuses(http, run)
    await run.stop()
    run.err.unlink()
    overwrite(tmp_path / "state" / "data.mdb")
    again = await runs(workers=2, entry=LIMITED)
    await again.event("state_set_aside")
    assert await statuses(http, again) == {200: 20}
    assert b"Traceback" not in again.err.read_bytes() + again.out.read_bytes()


async def test_a_file_that_is_cut_off_costs_a_process_each_and_no_more(
    runs: Maker, http: ClientSession, tmp_path: Path
) -> None:
    run = await runs(workers=2, entry=LIMITED)
    await statuses(http, run)
    os.truncate(tmp_path / "state" / "data.mdb", PAGE)
    await statuses(http, run)
    await run.event("worker_died")
    await eventually(lambda: well(http, run))
    assert await statuses(http, run) == {200: 20}
    assert 1 <= len(run.events("worker_died")) <= 4


async def test_a_folder_that_is_removed_is_made_again_with_what_was_in_it(
    runs: Maker, http: ClientSession, tmp_path: Path
) -> None:
    run = await runs(workers=2, entry=LIMITED)
    await statuses(http, run)
    shutil.rmtree(tmp_path / "state")
    assert await statuses(http, run) == {200: 20}
    await run.event("state_well")
    await eventually(lambda: well(http, run))
    async with http.get(f"{run.ops}/health", headers=OPERATOR) as response:
        pid = (await response.json())["workers"]["pids"][0]
    os.kill(pid, signal.SIGKILL)
    await run.event("worker_died")
    await eventually(lambda: well(http, run))
    assert await statuses(http, run) == {200: 20}


async def test_a_process_that_is_stopped_with_the_lock_freezes_nobody(
    runs: Maker, http: ClientSession, tmp_path: Path
) -> None:
    run = await runs(workers=2, entry=LIMITED)
    await statuses(http, run)
    holder = child("store.file.begin(); print('held', flush=True); sys.stdin.read()", tmp_path / "state")
    assert holder.stdout is not None
    await asyncio.to_thread(holder.stdout.readline)
    holder.send_signal(signal.SIGSTOP)
    try:
        assert await statuses(http, run) == {200: 20}
        began = time.monotonic()
        for _ in range(20):
            async with http.get(f"{run.url}/health/live") as response:
                assert response.status == 200
        assert time.monotonic() - began < 5.0
        async with http.get(f"{run.url}/health/ready") as response:
            assert response.status == 200, "limits are in memory, which is good enough to serve"
        await eventually(lambda: degraded(http, run))
        event = await run.event("state_failing")
        assert "stands still" in event["error"]
    finally:
        holder.kill()
        holder.communicate()
    await eventually(lambda: well(http, run))


async def degraded(http: ClientSession, run: Run) -> bool:
    return await health(http, run) == "degraded"
