"""A run that is asked to end: requests in flight finish, for as long as the drain lasts."""

from __future__ import annotations

import asyncio
import signal

import pytest
from aiohttp import ClientError, ClientSession

from tests.eventually import eventually
from tests.gateway_run import Maker, health, status
from tests.held_backend import HeldBackend


async def test_sigterm_lets_a_request_in_flight_finish(runs: Maker, http: ClientSession, backend: HeldBackend) -> None:
    run = await runs(workers=2, drain="{announce: 50ms, finish: 10s}")
    running = asyncio.create_task(status(http, run.url + "/api/wait/a"))
    await eventually(lambda: backend.waiting == 1)
    run.send(signal.SIGTERM)

    async def refused() -> bool:
        try:
            await status(http, run.url + "/health/ready")
        except ClientError:
            return True
        return False

    await eventually(refused)
    assert (await health(run, http))["status"] == "draining"
    assert not running.done()
    backend.release.set()
    assert await running == 200
    assert await run.ended() == 0
    assert run.events("stopped")[0]["clean"] is True
    assert [entry.name for entry in (run.folder / "state").iterdir() if entry.name.startswith("run-")] == []


async def test_a_drain_ends_what_takes_longer(runs: Maker, http: ClientSession, backend: HeldBackend) -> None:
    run = await runs(drain="200ms")
    running = asyncio.create_task(status(http, run.url + "/api/wait/a"))
    await eventually(lambda: backend.waiting == 1)
    run.send(signal.SIGTERM)
    with pytest.raises(ClientError):
        await running
    assert await run.ended() == 0
    assert run.events("drain_cut")[0]["in_flight"] == 1


async def test_a_second_signal_ends_at_once(runs: Maker, http: ClientSession, backend: HeldBackend) -> None:
    run = await runs(drain="1h")
    running = asyncio.create_task(status(http, run.url + "/api/wait/a"))
    await eventually(lambda: backend.waiting == 1)
    run.send(signal.SIGINT)
    await run.event("draining")
    run.send(signal.SIGINT)
    with pytest.raises(ClientError):
        await running
    await run.ended()
