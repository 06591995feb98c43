"""A run that is asked to reload: the new file, or the old one and the reason."""

from __future__ import annotations

import os
import signal

from aiohttp import ClientSession

from tests.eventually import eventually
from tests.gateway_run import Maker, health, samples, status


async def test_sighup_serves_the_new_file_names_what_needs_a_restart_and_with_a_bad_one_changes_nothing(
    runs: Maker, http: ClientSession
) -> None:
    run = await runs(workers=2)
    before = await health(run, http)
    assert await status(http, run.url + "/api/new") == 404
    entry = run.folder / "upstreams.yaml"
    good = entry.read_text().replace("/api/info,", "/api/info, /api/new,").replace("workers: 2", "workers: 3")
    entry.write_text(good)
    run.send(signal.SIGHUP)
    reloaded = await run.event("reloaded")
    for _ in range(10):
        assert await status(http, run.url + "/api/new") == 200
    after = await health(run, http)
    assert after["config"]["digest"] == reloaded["digest"] != before["config"]["digest"]
    assert after["workers"]["pids"] == before["workers"]["pids"]
    assert (await run.event("reload_needs_restart"))["settings"] == ["listen.workers"]
    assert (await samples(run, http))["gateway_config_reloads_total|result=good"] == 1

    entry.write_text(good.replace("auth: access-token}", "auth: nobody}"))
    run.send(signal.SIGHUP)
    problems = (await run.event("reload_refused"))["problems"]
    assert len(problems) == 1 and "nobody" in problems[0] and "upstreams.yaml:" in problems[0]
    assert await status(http, run.url + "/api/new") == 200

    # Even a worker that dies now comes back with what was checked, not with what the file says.
    pid = before["workers"]["pids"][0]
    os.kill(pid, signal.SIGKILL)

    async def replaced() -> bool:
        workers = (await health(run, http))["workers"]
        return bool(workers["ready"] == 2 and pid not in workers["pids"])

    await eventually(replaced)
    for _ in range(10):
        assert await status(http, run.url + "/api/new") == 200
    assert (await health(run, http))["config"]["digest"] == reloaded["digest"]
    assert (await samples(run, http))["gateway_config_reloads_total|result=bad"] == 1


async def test_a_worker_that_starts_during_a_reload_follows(runs: Maker, http: ClientSession) -> None:
    run = await runs()
    (pid,) = (await health(run, http))["workers"]["pids"]
    entry = run.folder / "upstreams.yaml"
    entry.write_text(entry.read_text().replace("/api/info,", "/api/info, /api/new,"))
    os.kill(pid, signal.SIGKILL)

    async def starting() -> bool:
        pids = (await health(run, http))["workers"]["pids"]
        return pids not in ([pid], [None])

    await eventually(starting)
    run.send(signal.SIGHUP)
    await run.event("reloaded")

    async def follows() -> bool:
        return await status(http, run.url + "/api/new") == 200

    await eventually(follows)
