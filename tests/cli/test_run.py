"""``gateway run`` as its people meet it: processes that die, drain and reload, and what they say meanwhile."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

from tests.eventually import eventually
from tests.gateway_run import ENTRY, JWT_SECRET, OPERATOR, OPS_TOKEN, Maker, health, samples, status
from tests.held_backend import HeldBackend


async def test_metrics_of_two_workers_sum_up(runs: Maker, http: ClientSession) -> None:
    run = await runs(workers=2)
    for _ in range(40):
        assert await status(http, run.url + "/api/info") == 200
    assert await status(http, run.url + "/api/private") == 401

    async def counted() -> bool:
        found = await samples(run, http)
        return (
            found.get("gateway_requests_total|reason=,|route=info,|status=200") == 40
            and found.get("gateway_requests_total|reason=token_missing,|route=private,|status=401") == 1
            and found.get("gateway_request_seconds_count|route=info") == 40
            and found.get("gateway_upstream_seconds_count|route=info") == 40
        )

    await eventually(counted)
    found = await samples(run, http)
    assert found["gateway_workers|state=ready"] == 2
    assert found["gateway_requests_in_flight|listener=public"] == 0
    await eventually(lambda: len(run.events("request")) == 41)
    assert {line["worker"] for line in run.events("request")} == {0, 1}
    assert [line["reason"] for line in run.events("refused")] == ["token_missing"]


async def test_operators_see_health_and_routes(runs: Maker, http: ClientSession) -> None:
    run = await runs()
    shown = await health(run, http)
    assert shown["status"] == "ok"
    assert shown["workers"]["ready"] == 1
    assert shown["upstreams"]["tutor"]["endpoints"][0]["healthy"] is True
    async with http.get(run.ops + "/v1/routes", headers=OPERATOR) as answer:
        routes = (await answer.json())["routes"]
    assert [route["name"] for route in routes] == ["info", "private"]
    assert routes[1]["auth"] == "access-token"
    assert await status(http, run.ops + "/health") == 401
    async with http.get(run.url + "/health") as public:
        assert (await public.json())["upstreams"]["tutor"].keys() == {"status", "breaker"}
    assert await status(http, run.url + "/health/ready") == 200


async def test_a_killed_worker_is_replaced_and_the_port_keeps_answering(runs: Maker, http: ClientSession) -> None:
    run = await runs(workers=2)
    before = (await health(run, http))["workers"]["pids"]
    os.kill(before[0], signal.SIGKILL)
    # The supervisor holds the dead worker's socket open: connections wait for the next worker, none is refused.
    answers = await asyncio.gather(*(status(http, run.url + "/api/info") for _ in range(30)))
    assert answers == [200] * 30

    async def replaced() -> bool:
        workers = (await health(run, http))["workers"]
        return bool(workers["ready"] == 2 and workers["pids"][0] != before[0])

    await eventually(replaced)
    assert (await health(run, http))["workers"]["pids"][1] == before[1]
    await eventually(lambda: len(run.events("worker_died")) == 1)
    assert run.events("worker_died")[0]["code"] == -signal.SIGKILL

    async def summed() -> bool:
        found = await samples(run, http)
        return found.get("gateway_requests_total|reason=,|route=info,|status=200") == 30

    await eventually(summed)
    assert (await samples(run, http))["gateway_worker_restarts_total"] == 1


async def test_a_worker_that_is_asked_to_end_drains_and_is_replaced(runs: Maker, http: ClientSession) -> None:
    run = await runs()
    (before,) = (await health(run, http))["workers"]["pids"]
    os.kill(before, signal.SIGTERM)

    async def replaced() -> bool:
        workers = (await health(run, http))["workers"]
        return bool(workers["ready"] == 1 and workers["pids"] != [before])

    await eventually(replaced)
    assert await status(http, run.url + "/api/info") == 200
    assert run.events("worker_died")[0]["code"] == 0


async def test_sigterm_lets_a_request_in_flight_finish(runs: Maker, http: ClientSession, backend: HeldBackend) -> None:
    run = await runs(workers=2)
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
    await eventually(lambda: run.events("draining"))
    run.send(signal.SIGINT)
    with pytest.raises(ClientError):
        await running
    await run.ended()


async def test_sighup_serves_the_new_file(runs: Maker, http: ClientSession) -> None:
    run = await runs(workers=2)
    before = await health(run, http)
    assert await status(http, run.url + "/api/new") == 404
    entry = run.folder / "upstreams.yaml"
    entry.write_text(entry.read_text().replace("/api/info,", "/api/info, /api/new,"))
    run.send(signal.SIGHUP)
    await eventually(lambda: run.events("reloaded"))
    for _ in range(10):
        assert await status(http, run.url + "/api/new") == 200
    after = await health(run, http)
    assert after["config"]["digest"] == run.events("reloaded")[0]["digest"] != before["config"]["digest"]
    assert after["workers"]["pids"] == before["workers"]["pids"]
    assert (await samples(run, http))["gateway_config_reloads_total|result=good"] == 1


async def test_sighup_with_a_bad_file_changes_nothing_and_says_why(runs: Maker, http: ClientSession) -> None:
    run = await runs()
    before = await health(run, http)
    entry = run.folder / "upstreams.yaml"
    entry.write_text(entry.read_text().replace("auth: access-token}", "auth: nobody}"))
    run.send(signal.SIGHUP)
    await eventually(lambda: run.events("reload_refused"))
    problems = run.events("reload_refused")[0]["problems"]
    assert len(problems) == 1 and "nobody" in problems[0] and "upstreams.yaml:" in problems[0]
    assert await status(http, run.url + "/api/info") == 200

    # Even a worker that dies now comes back with what was checked, not with what the file says.
    os.kill(before["workers"]["pids"][0], signal.SIGKILL)
    assert await status(http, run.url + "/api/info") == 200
    assert (await health(run, http))["config"]["digest"] == before["config"]["digest"]
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
    await eventually(lambda: run.events("reloaded"))

    async def follows() -> bool:
        return await status(http, run.url + "/api/new") == 200

    await eventually(follows)


async def test_a_reload_tells_what_needs_a_restart(runs: Maker) -> None:
    run = await runs()
    entry = run.folder / "upstreams.yaml"
    entry.write_text(entry.read_text().replace("workers: 1", "workers: 2"))
    run.send(signal.SIGHUP)
    await eventually(lambda: run.events("reload_needs_restart"))
    assert run.events("reload_needs_restart")[0]["settings"] == ["listen.workers"]


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


async def test_no_secret_is_in_any_output(runs: Maker, http: ClientSession) -> None:
    run = await runs()
    bad = {
        "authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLWhlcmU",
        "cookie": "sid=c00kie",
    }
    async with http.get(run.url + "/api/private?secret=qu3ry", headers=bad) as answer:
        assert answer.status == 401
    async with http.get(run.url + "/api/info?secret=qu3ry", headers=bad) as answer:
        assert answer.status == 200
    run.send(signal.SIGHUP)
    await eventually(lambda: run.events("reloaded"))
    shown = await health(run, http)
    async with http.get(run.ops + "/v1/routes", headers=OPERATOR) as answer:
        routes = await answer.read()
    pids = (*shown["workers"]["pids"], run.process.pid)
    arguments = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)
    await run.stop()
    told = run.out.read_bytes() + run.err.read_bytes() + json.dumps(shown).encode() + routes + arguments
    for secret in (JWT_SECRET, OPS_TOKEN, "upstream-key-value", "eyJhbGci", "c2lnbmF0", "c00kie", "qu3ry"):
        assert secret.encode() not in told, secret


async def test_a_log_that_nobody_reads_holds_nothing_up(runs: Maker, http: ClientSession) -> None:
    reader, writer = os.pipe()
    try:
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        run = await runs(stdout=writer)
        for _ in range(50):  # some 12 KB of log
            assert await status(http, run.url + "/api/info") == 200
        run.send(signal.SIGTERM)
        assert await run.ended() == 0
    finally:
        os.close(reader)
        os.close(writer)


async def test_a_log_whose_reader_is_gone_costs_lines_and_tells_how_many(runs: Maker, http: ClientSession) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        run = await runs(stdout=writer)

        async def told() -> bool:
            assert await status(http, run.url + "/api/info") == 200
            return (await samples(run, http)).get("gateway_log_lines_dropped_total", 0) > 0

        await eventually(told)
    finally:
        os.close(writer)


async def test_problems_end_the_run_before_it_begins(runs: Maker) -> None:
    entry = ENTRY.replace("auth: public}", "auth: nobody, cors: nowhere}")
    run = await runs(entry=entry, serving=False)
    assert await run.ended() == 2
    problems = json.loads(run.err.read_text())["problems"]
    assert [problem["path"] for problem in problems] == ["routes[0].auth", "routes[0].cors"]
    assert run.out.read_bytes() == b""


async def test_a_taken_port_is_told(runs: Maker) -> None:
    first = await runs()
    port = first.url.rpartition(":")[2]
    first.err.unlink()
    second = await runs(entry=ENTRY.replace("port: 0, workers", f"port: {port}, workers"), serving=False)
    assert await second.ended() == 2
    assert f"cannot listen on 127.0.0.1:{port}" in json.loads(second.err.read_text())["why"]


async def test_a_state_that_cannot_be_opened_is_told(runs: Maker, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "data.mdb").write_bytes(b"something else" * 1000)
    run = await runs(serving=False)
    assert await run.ended() == 2
    assert "data.mdb" in json.loads(run.err.read_text())["why"]
