"""Breakers in whole runs: what every worker shows, what operators order, and workers that die at the wrong moment."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientSession

from tests.eventually import eventually
from tests.gateway_run import OPERATOR, Maker, Run, metrics, worker_pids
from tests.held_backend import HeldBackend
from tests.upstream_fixture import wire

BREAKERS = """\
version: 1
listen: {host: 127.0.0.1, port: 0, workers: WORKERS, drain: DRAIN}
ops: {host: 127.0.0.1, port: 0, token: "${GATEWAY_OPS_TOKEN}"}
state: {path: state}
upstreams:
  gone: {endpoints: [{url: "http://127.0.0.1:1"}], breaker: external}
  tutor: {endpoints: [{url: "BACKEND"}], breaker: external}
  brief: {endpoints: [{url: "BACKEND"}], breaker: brief}
routes:
  - {name: gone, paths: [/api/gone], upstream: gone, auth: public}
  - {name: tutor, paths: ["/api/wait/*"], upstream: tutor, auth: public}
  - {name: brief, paths: [/brief/wait], rewrite: /api/wait/1, upstream: brief, auth: public}
  - {name: brief-info, paths: [/brief/info], rewrite: /api/info, upstream: brief, auth: public}
breakers:
  external: {failures: 5, recover_after: 60s, count: [connect, timeout, broken]}
  brief: {recover_after: 60s, probe_timeout: 1s}
"""


async def order(run: Run, http: ClientSession, upstream: str, what: str) -> dict[str, Any]:
    url = f"{run.ops}/v1/breakers/{upstream}/{what}"
    async with http.post(url, json={"by": "grace"}, headers=OPERATOR) as response:
        assert response.status == 200, await response.text()
        circuit: dict[str, Any] = await response.json()
        return circuit


async def seen_by_all(run: Run, http: ClientSession, upstream: str) -> set[tuple[str, str, bool]]:
    """What 20 looks over new connections show, which both workers answer: the whole, the circuit, and if it is held."""
    seen = set()
    for _ in range(20):
        async with http.get(f"{run.url}/health") as response:
            shown = await response.json()
            breaker = shown["upstreams"][upstream]["breaker"]
            seen.add((shown["status"], breaker["state"], breaker["forced"]))
    return seen


async def statuses(run: Run, http: ClientSession, path: str, count: int) -> Counter[int]:
    found: Counter[int] = Counter()
    for _ in range(count):
        async with http.get(run.url + path) as response:
            found[response.status] += 1
    return found


async def test_all_workers_show_the_same_and_obey_at_once(runs: Maker, http: ClientSession) -> None:
    run = await runs(workers=2, entry=BREAKERS)
    assert await statuses(run, http, "/api/gone", 25) == {502: 5, 503: 20}
    assert await seen_by_all(run, http, "gone") == {("degraded", "open", False)}
    assert await seen_by_all(run, http, "tutor") == {("degraded", "closed", False)}

    async def counted() -> bool:
        text = await metrics(run, http)
        return all(
            line in text
            for line in (
                'gateway_breaker_state{upstream="gone"} 2.0',
                'gateway_breaker_forced{upstream="gone"} 0.0',
                'gateway_breaker_transitions_total{state="open",upstream="gone"} 1.0',
                'gateway_breaker_rejected_total{upstream="gone"} 20.0',
            )
        )

    await eventually(counted)
    assert (await order(run, http, "gone", "close"))["forced"]
    assert await statuses(run, http, "/api/gone", 20) == {502: 20}, "no worker refuses any more"
    assert await seen_by_all(run, http, "gone") == {("ok", "closed", True)}
    await order(run, http, "gone", "open")
    assert await statuses(run, http, "/api/gone", 20) == {503: 20}
    assert await seen_by_all(run, http, "gone") == {("degraded", "open", True)}

    async def held() -> bool:
        text = await metrics(run, http)
        async with http.get(f"{run.ops}/health", headers=OPERATOR) as response:
            breaker = (await response.json())["upstreams"]["gone"]["breaker"]
        return (
            'gateway_breaker_forced{upstream="gone"} 1.0' in text and breaker["forced"] and breaker["state"] == "open"
        )

    await eventually(held)
    await order(run, http, "gone", "auto")
    assert await statuses(run, http, "/api/gone", 10) == {502: 1, 503: 9}, "one tries, and opens it again"
    await run.stop()
    # Processes hand their lines on one after the other, so their order says nothing.
    changes = Counter(line["event"] for line in run.lines() if line["event"].startswith("breaker_"))
    assert changes == {"breaker_open": 2, "breaker_half_open": 1, "breaker_ordered": 3}
    assert {(line["by"], line["asked_from"]) for line in run.events("breaker_ordered")} == {("grace", "127.0.0.1")}


def process_of(port: int, pids: list[int]) -> int:
    """The process among ``pids`` whose connection has the local ``port``."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(row[9] for row in rows if int(row[1].partition(":")[2], 16) == port and row[9] != "0")
    for pid in pids:
        if any(os.readlink(file) == f"socket:[{inode}]" for file in Path(f"/proc/{pid}/fd").iterdir()):
            return pid
    raise AssertionError(f"nobody holds port {port}")


async def ask(port: int, path: str) -> int:
    """The status of one call on a connection of its own; 0 when that was closed. No client library that asks twice."""
    try:
        async with wire(port) as client:
            return (await client.ask(b"GET %b HTTP/1.1\r\nhost: a\r\n\r\n" % path.encode())).status
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0


async def test_of_500_at_two_workers_one_tries_it_and_a_killed_worker_keeps_nobody_out(
    runs: Maker, http: ClientSession, backend: HeldBackend
) -> None:
    run = await runs(workers=2, entry=BREAKERS)
    port = urlsplit(run.url).port or 0
    for upstream in ("tutor", "brief"):
        await order(run, http, upstream, "open")
        await order(run, http, upstream, "auto")  # the next call is a try
    asked = [asyncio.create_task(ask(port, f"/api/wait/{number}")) for number in range(500)]
    for response in itertools.islice(asyncio.as_completed(asked), 499):
        assert await response == 503
    await eventually(lambda: backend.waiting >= 1)  # it may still be on its way to the backend
    assert backend.waiting == 1, "exactly one reached it"

    trying = asyncio.create_task(ask(port, "/brief/wait"))
    await eventually(lambda: backend.waiting == 2)
    os.kill(process_of(backend.ports[1], await worker_pids(run, http)), signal.SIGKILL)
    assert await trying == 0, "its client sees the connection closed, not silence"
    found: list[int] = []

    async def tried_again() -> bool:
        found.append(await ask(port, "/brief/info"))
        return found[-1] == 200

    await eventually(tried_again, within=10)
    assert set(found) <= {503, 200}
    assert await statuses(run, http, "/brief/info", 20) == {200: 20}
    assert (await seen_by_all(run, http, "brief")).pop()[1:] == ("closed", False)
    backend.release.set()
    await asyncio.gather(*asked)
