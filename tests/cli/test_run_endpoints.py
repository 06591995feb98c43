"""A whole run with two endpoints, one of them dead: what clients get, and what operators see of it."""

from __future__ import annotations

import socket

from aiohttp import ClientSession

from tests.eventually import eventually
from tests.gateway_run import ENTRY, Maker, health, samples, status

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
