"""Workers of a run that die, are asked to end, or lose their supervisor: the port keeps answering."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from aiohttp import ClientSession

from tests.eventually import eventually
from tests.gateway_run import Maker, health, samples, status


async def test_a_killed_worker_is_replaced_and_the_port_keeps_answering(runs: Maker, http: ClientSession) -> None:
    run = await runs(workers=2)
    before = (await health(run, http))["workers"]["pids"]
    os.kill(before[0], signal.SIGKILL)
    # The dead worker's socket stays open, and the other one takes its connections: none is refused.
    responses = await asyncio.gather(*(status(http, run.url + "/api/info") for _ in range(30)))
    assert responses == [200] * 30

    async def replaced() -> bool:
        workers = (await health(run, http))["workers"]
        return bool(workers["ready"] == 2 and workers["pids"][0] != before[0])

    await eventually(replaced)
    assert (await health(run, http))["workers"]["pids"][1] == before[1]
    assert (await run.event("worker_died"))["code"] == -signal.SIGKILL

    async def summed() -> bool:
        found = await samples(run, http)
        return found.get("gateway_requests_total|reason=,|route=info,|status=200") == 30

    await eventually(summed)
    assert (await samples(run, http))["gateway_worker_restarts_total"] == 1


async def test_the_connections_of_a_worker_that_cannot_be_replaced_go_to_the_others(
    runs: Maker, http: ClientSession
) -> None:
    run = await runs(workers=3)
    pids = (await health(run, http))["workers"]["pids"]
    state = run.folder / "state"
    state.rename(run.folder / "away")
    state.write_text("no folder")  # so no process can begin
    for pid in pids[:2]:
        os.kill(pid, signal.SIGKILL)
    missing = await run.event("worker_missing")
    responses = await asyncio.gather(*(status(http, run.url + "/api/info") for _ in range(40)))
    assert responses == [200] * 40
    assert "processes have failed, the last: " in missing["why"]
    await eventually(lambda: len(run.events("worker_missing")) == 2)
    shown = await health(run, http)
    assert (shown["status"], shown["workers"]["ready"]) == ("degraded", 1)
    assert [reason.split(":")[0] for reason in shown["reasons"] if reason.startswith("worker ")] == [
        "worker 0",
        "worker 1",
    ]
    state.unlink()
    (run.folder / "away").rename(state)
    await eventually(lambda: len(run.events("worker_back")) == 2)

    async def well() -> bool:
        shown = await health(run, http)
        return (shown["status"], shown["reasons"], shown["workers"]["ready"]) == ("ok", [], 3)

    await eventually(well)
    os.kill(pids[2], signal.SIGKILL)
    assert await asyncio.gather(*(status(http, run.url + "/api/info") for _ in range(20))) == [200] * 20


async def test_a_worker_that_is_asked_to_end_drains_and_is_replaced(runs: Maker, http: ClientSession) -> None:
    run = await runs()
    (before,) = (await health(run, http))["workers"]["pids"]
    os.kill(before, signal.SIGTERM)

    async def replaced() -> bool:
        workers = (await health(run, http))["workers"]
        return bool(workers["ready"] == 1 and workers["pids"] != [before])

    await eventually(replaced)
    assert await status(http, run.url + "/api/info") == 200
    assert (await run.event("worker_died"))["code"] == 0


async def test_workers_end_when_the_supervisor_is_gone(runs: Maker, http: ClientSession) -> None:
    run = await runs(workers=2)
    pids = (await health(run, http))["workers"]["pids"]
    run.send(signal.SIGKILL)
    await run.ended()

    def all_gone() -> bool:
        return not any(Path(f"/proc/{pid}").exists() and _running(pid) for pid in pids)

    await eventually(all_gone)
    # The folder that the killed run left goes with the next one.
    left = [entry for entry in (run.folder / "state").iterdir() if entry.name.startswith("run-")]
    assert len(left) == 1
    run.err.unlink()
    await run.start()
    await run.serving()
    assert left[0] not in list((run.folder / "state").iterdir())


def _running(pid: int) -> bool:
    """Whether a process runs; one that only waits for its parent to notice its end does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
