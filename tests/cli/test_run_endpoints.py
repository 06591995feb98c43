"""A whole run with two endpoints, one of them dead: what clients get, and what operators see of it."""

from __future__ import annotations

import asyncio
import socket

from aiohttp import ClientSession

from tests.eventually import eventually
from tests.gateway_run import ENTRY, Maker, health, samples, status
from tests.upstream_fixture import OK, Upstream, running_upstream

ILL = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"

UPSTREAM = """\
  tutor:
    endpoints: [{url: "BACKEND", region: eu}, {url: "http://127.0.0.1:DEAD", weight: 9}]
    retries: {budget: 10%}
    ejection: {failures: 3, eject_for: 1h, max_eject_for: 1h}
    request_headers: {set: {x-key: "${UPSTREAM_KEY}"}}
"""


async def test_a_dead_endpoint_fails_no_call_and_is_seen_by_operators(runs: Maker, http: ClientSession) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        dead = f"127.0.0.1:{taken.getsockname()[1]}"
        before, _, after = ENTRY.partition("  tutor:")
        entry = before + UPSTREAM.replace("127.0.0.1:DEAD", dead) + after.partition("\n")[2]
        run = await runs(workers=2, entry=entry)
        for _ in range(40):
            assert await status(http, run.url + "/api/info") == 200

        async def ejected() -> bool:
            upstream = (await health(run, http))["upstreams"]["tutor"]
            live, other = upstream["endpoints"]
            return (
                (live["healthy"], live["region"], live["ejected_until"]) == (True, "eu", None)
                and (other["address"], other["weight"], other["priority"]) == (dead, 9, 0)
                and not other["healthy"]
                and other["ejected_until"] is not None
                and upstream["status"] == "degraded"
            )

        await eventually(ejected)

        async def counted() -> bool:
            found = await samples(run, http)
            return (
                found.get(f"gateway_ejections_total|endpoint={dead},|upstream=tutor") == 2
                and found.get(f"gateway_endpoint_healthy|endpoint={dead},|upstream=tutor") == 0
                and sorted(value for name, value in found.items() if name.startswith("gateway_endpoint_healthy"))
                == [0, 1]
                and found.get("gateway_budget_left|budget=retries,|upstream=tutor", 0) >= 60
            )

        await eventually(counted)
    await eventually(lambda: len(run.events("endpoint_ejected")) == 2)
    events = run.events("endpoint_ejected")
    assert {event["worker"] for event in events} == {0, 1}
    assert {(event["endpoint"], event["upstream"], event["failures"], event["for_s"]) for event in events} == {
        (dead, "tutor", 3, 3600.0)
    }


NEEDED = ENTRY.replace(
    '{endpoints: [{url: "BACKEND"}],',
    '{endpoints: [{url: "BACKEND"}], required: true, health_check: {path: /health, interval: 100ms, unhealthy: 2, healthy: 1},',
)


async def test_a_dead_required_backend_is_down_for_all_who_ask_and_keeps_no_gateway_out(
    runs: Maker, http: ClientSession
) -> None:
    async with running_upstream() as backend:
        run = await runs(workers=2, entry=NEEDED.replace("BACKEND", backend.url))
        assert await status(http, run.url + "/health") == 200
        backend.response = ILL

        async def shown(code: int, word: str) -> bool:
            public = {await status(http, run.url + "/health") for _ in range(6)}
            return public == {code} and (await health(run, http))["status"] == word

        await eventually(lambda: shown(503, "down"))
        operators = await health(run, http)
        assert operators["reasons"] == ["upstream tutor is down, and it is required"]
        last = operators["upstreams"]["tutor"]["endpoints"][0]["last_failure"]
        assert (last["failure"], last["status"], last["address"]) == ("status", 503, f"127.0.0.1:{backend.port}")
        async with http.get(run.url + "/health") as response:
            assert str(backend.port) not in await response.text(), "the public does not learn where it is"
        assert await status(http, run.url + "/health/ready") == 200
        assert await status(http, run.url + "/health/live") == 200
        backend.response = OK
        await eventually(lambda: shown(200, "ok"))
    events = await eventually(lambda: len(run.events("endpoint_unhealthy")) == 2 and run.events("endpoint_unhealthy"))
    assert {(event["failures"], event["failure"], event["status"]) for event in events} == {(2, "status", 503)}


IDLE = NEEDED.replace("required: true,", "required: true, breaker: quick,") + (
    "breakers:\n  quick: {failures: 2, recover_after: 1s, count: [503]}\n"
)


async def test_a_breaker_that_nobody_calls_through_is_due_and_closes_by_a_check(
    runs: Maker, http: ClientSession
) -> None:
    async def talk(_: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(OK if b" /health " in head and not sick.is_set() else ILL)

    sick = asyncio.Event()
    sick.set()
    async with running_upstream(script=talk) as backend:
        entry = IDLE.replace("BACKEND", backend.url).replace("unhealthy: 2", "unhealthy: 1000")
        run = await runs(entry=entry)
        assert [await status(http, run.url + "/api/info") for _ in range(3)] == [503, 503, 503]
        opened = await run.event("breaker_open")
        assert {key: opened[key] for key in ("upstream", "failures", "failure", "status", "address")} == {
            "upstream": "tutor",
            "failures": 2,
            "failure": "status",
            "status": 503,
            "address": f"127.0.0.1:{backend.port}",
        }
        async with http.get(run.url + "/health") as response:
            public = await response.json()
        assert (response.status, public["status"]) == (503, "down")
        assert public["upstreams"]["tutor"]["breaker"]["last_failure"]["status"] == 503

        async def due() -> bool:
            async with http.get(run.url + "/health") as response:
                breaker = (await response.json())["upstreams"]["tutor"]["breaker"]
                return response.status == 200 and breaker["due"]

        await eventually(due)
        sick.clear()

        async def closed() -> bool:
            return (await health(run, http))["status"] == "ok"

        await eventually(closed)
