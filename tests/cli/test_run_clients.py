"""What operators see of limits and of who meets them, in a whole run of two workers."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import ClientSession

from tests.eventually import eventually
from tests.gateway_run import OPERATOR, Maker, Run, command, samples, status
from tests.held_backend import HeldBackend

ENTRY = """\
version: 1
listen: {host: 127.0.0.1, port: 0, workers: WORKERS, drain: DRAIN}
ops: {host: 127.0.0.1, port: 0, token: "${GATEWAY_OPS_TOKEN}"}
state: {path: state}
upstreams:
  tutor: {endpoints: [{url: "BACKEND"}]}
  held: {endpoints: [{url: "BACKEND"}], concurrency: {limit: 1, queue: 0, per_client: 100%}}
routes:
  - {name: tight, paths: [/api/info], upstream: tutor, auth: public, rate_limits: [tight]}
  - {name: watched, paths: [/watched], upstream: tutor, auth: public, rate_limits: [watched]}
  - {name: held, paths: ["/api/wait/*"], upstream: held, auth: public}
rate_limits:
  tight: {limit: 2/day, key: [address]}
  watched: {limit: 1/day, key: [address], mode: report}
"""


async def clients(run: Run, http: ClientSession) -> dict[str, Any]:
    async with http.get(run.ops + "/v1/clients", headers=OPERATOR) as response:
        assert response.status == 200
        shown: dict[str, Any] = await response.json()
        return shown


async def test_which_limit_refuses_and_who_is_refused(runs: Maker, http: ClientSession, backend: HeldBackend) -> None:
    run = await runs(workers=2, entry=ENTRY)
    assert sorted([await status(http, run.url + "/api/info") for _ in range(5)]) == [200, 200, 429, 429, 429]
    assert [await status(http, run.url + "/watched") for _ in range(3)] == [200, 200, 200]
    waiting = [asyncio.create_task(status(http, run.url + f"/api/wait/{number}")) for number in range(8)]
    await eventually(lambda: sum(task.done() for task in waiting) >= 6)

    async def limited() -> bool:
        found = await samples(run, http)
        counted = {name: value for name, value in found.items() if name.startswith("gateway_limited_total")}
        busy = counted.pop("gateway_limited_total|limit=held,|mode=enforce,|section=concurrency", 0)
        return busy >= 6 and counted == {
            "gateway_limited_total|limit=tight,|mode=enforce,|section=rate_limits": 3,
            "gateway_limited_total|limit=watched,|mode=report,|section=rate_limits": 2,
        }

    await eventually(limited)

    async def seen() -> bool:
        shown = await clients(run, http)
        (client,) = shown["clients"]
        held = [share for share in shown["shares"] if share["taken"]]
        return (
            client["kind"] == "address"
            and client["requests"] >= 14
            and client["refusals"] >= 9
            and bool(held)
            and all(
                (share["upstream"], share["limit"], share["holders"])
                == ("held", 1, [{"client": client["client"], "kind": "address", "calls": 1}])
                for share in held
            )
            and "127.0.0.1" not in str(shown)
        )

    await eventually(seen)
    backend.release.set()
    await asyncio.gather(*waiting)


async def test_who_fills_what_one_address_may_have(runs: Maker, http: ClientSession, backend: HeldBackend) -> None:
    limited = ENTRY.replace("drain: DRAIN", "drain: DRAIN, limits: {per_address: {requests: 3}}")
    run = await runs(workers=1, entry=limited.replace("limit: 1, queue: 0", "limit: 9"))
    waiting = [asyncio.create_task(status(http, run.url + f"/api/wait/{number}")) for number in range(4)]
    await eventually(lambda: sum(task.done() for task in waiting) == 1)

    async def seen() -> bool:
        shown = await clients(run, http)
        (share,) = [share for share in shown["shares"] if share["upstream"] is None]
        (client,) = shown["clients"] or [{"client": ""}]
        held = [{"client": client["client"], "kind": "address", "calls": 3}]
        return (share["limit"], share["taken"], share["holders"]) == (3, 3, held)

    await eventually(seen)
    code, out, _ = await command(run, "clients", "--ops", run.ops)
    assert (code, "per_address.requests" in out, "3 of 3" in out) == (0, True, True)
    code, found, _ = await command(run, "whois", "--ops", run.ops, "--address", "127.0.0.1")
    assert code == 0 and found.splitlines()[0].split()[-1] in out
    backend.release.set()
    await asyncio.gather(*waiting)
