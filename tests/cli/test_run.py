"""``gateway run`` as it starts: what it shows its operators, and what keeps it from starting."""

from __future__ import annotations

import json
from pathlib import Path

from aiohttp import ClientSession

from tests.eventually import eventually
from tests.gateway_run import ENTRY, OPERATOR, Maker, health, samples, status


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
    assert [line["reason"] for line in run.events("request") if "reason" in line] == ["token_missing"]


async def test_operators_see_health_and_routes(runs: Maker, http: ClientSession) -> None:
    run = await runs()
    shown = await health(run, http)
    assert shown["status"] == "ok"
    assert shown["workers"]["ready"] == 1
    assert shown["upstreams"]["tutor"]["endpoints"][0]["healthy"] is True
    async with http.get(run.ops + "/v1/routes", headers=OPERATOR) as response:
        routes = (await response.json())["routes"]
    assert [route["name"] for route in routes] == ["info", "private"]
    assert routes[1] == {
        "name": "private",
        "listener": "public",
        "procedures": [],
        "paths": ["/api/private"],
        "methods": ["GET"],
        "upstream": "tutor",
        "rewrite": None,
        "deny": None,
        "auth": "access-token",
        "cors": None,
        "rate_limits": [],
        "body": None,
        "lockout": None,
        "schema": None,
        "upload": None,
        "response_headers": None,
        "batch": "allow",
    }
    assert await status(http, run.ops + "/health") == 401
    async with http.get(run.url + "/health") as public:
        assert (await public.json())["upstreams"]["tutor"].keys() == {"status", "breaker"}
    assert await status(http, run.url + "/health/ready") == 200


async def test_problems_end_the_run_before_it_begins(runs: Maker) -> None:
    entry = ENTRY.replace("auth: public}", "auth: nobody, cors: nowhere}")
    run = await runs(entry=entry, serving=False)
    assert await run.ended() == 2
    problems = json.loads(run.err.read_text())["problems"]
    assert [problem["path"] for problem in problems] == ["routes[0].auth", "routes[0].cors"]
    assert run.out.read_bytes() == b""


async def test_a_taken_port_is_reported(runs: Maker) -> None:
    first = await runs()
    port = first.url.rpartition(":")[2]
    first.err.unlink()
    second = await runs(entry=ENTRY.replace("port: 0, workers", f"port: {port}, workers"), serving=False)
    assert await second.ended() == 2
    said = json.loads(second.err.read_text())
    assert f"cannot listen on 127.0.0.1:{port}" in said["why"]
    (problem,) = said["problems"]
    assert (problem["path"], problem["line"]) == ("listen.port", 2)


async def test_a_state_that_cannot_be_opened_is_reported(runs: Maker, tmp_path: Path) -> None:
    (tmp_path / "state" / "data.mdb").mkdir(parents=True)
    run = await runs(serving=False)
    assert await run.ended() == 2
    (problem,) = json.loads(run.err.read_text())["problems"]
    assert (problem["path"], problem["sentence"]) == ("state.path", "cannot be opened: data.mdb in it is no file")
