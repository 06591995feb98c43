"""The egress listener of a whole run: two workers, one circuit, one key that nobody sees, and an end in order."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

from aiohttp import ClientConnectionError, ClientSession

from gateway.demo.toolkit import DemoToolkit
from tests.cli.rolling_load import Load
from tests.eventually import eventually
from tests.gateway_run import ENTRY, OPERATOR, Maker, Run
from tests.held_backend import HeldBackend

KEY = "upstream-key-value"  # as the fixture sets it
EGRESS = (
    ENTRY.replace("drain: DRAIN}", "drain: DRAIN, egress: {host: 127.0.0.1, port: 0}}").replace(
        "routes:\n",
        """\
  toolkit:
    endpoints: [{url: "TOOLKIT"}]
    timeouts: {connect: 1s, response: 300ms}
    request_headers: {set: {authorization: "Bearer ${UPSTREAM_KEY}"}}
    breaker: external
    fallback: resting
routes:
  - {name: text, paths: [/api/text], methods: [POST], upstream: toolkit, rewrite: /text/llm/, auth: public}
  - {name: text-out, listener: egress, paths: [/text/llm/], methods: [POST], upstream: toolkit}
""",
    )
    + """\
breakers:
  external: {failures: 5, recover_after: 60s, count: [timeout]}
fallbacks:
  resting: {status: 503, json: {error: "AI service unavailable"}}
"""
)


def egress(run: Run) -> str:
    address: str = json.loads(run.err.read_text().splitlines()[0])["egress"]
    return address


async def post(http: ClientSession, url: str) -> tuple[int, dict[str, Any]]:
    async with http.post(url, json={"messages": []}, headers={"authorization": "Bearer backends-own"}) as response:
        return response.status, {**await response.json(), "headers": dict(response.headers)}


async def everything_told(run: Run, http: ClientSession) -> str:
    texts = [run.out.read_text(), run.err.read_text()]
    for path in ("/metrics", "/v1/routes", "/health"):
        async with http.get(run.ops + path, headers=OPERATOR) as response:
            texts.append(await response.text())
    return "\n".join(texts)


async def test_a_hanging_service_answers_the_backend_in_time_and_rests_for_clients_too(
    runs: Maker, http: ClientSession
) -> None:
    async with DemoToolkit(KEY) as toolkit:
        run = await runs(workers=2, entry=EGRESS.replace("TOOLKIT", toolkit.url))
        out = egress(run) + "/text/llm/"
        clock = asyncio.get_running_loop().time
        began = clock()
        responses = [await post(http, out) for _ in range(12)]
        usual = clock() - began
        assert {status for status, _ in responses} == {200}
        toolkit.set_mode("hang")
        began = clock()
        late = await asyncio.gather(*(post(http, out) for _ in range(5)))
        assert clock() - began < 3 + 3 * usual, "and not after the backend's own 300 s"
        assert {(status, body["reason"]) for status, body in late} == {(503, "upstream_timeout")}
        assert {body["headers"]["x-gateway-fallback"] for _, body in late} == {"resting"}
        rest = [await post(http, url) for url in (run.url + "/api/text", out) for _ in range(6)]
        assert {(status, body["reason"]) for status, body in rest} == {(503, "upstream_resting")}
        assert toolkit.requests == 17, "both workers, both listeners: nobody asks it any more"
        assert (await post(http, run.url + "/text/llm/"))[1]["reason"] == "no_route"
        assert (await post(http, egress(run) + "/api/text"))[1]["reason"] == "no_route"

        sent = [value for _, _, fields in toolkit.heads for name, value in fields if name.lower() == b"authorization"]
        assert set(sent) == {f"Bearer {KEY}".encode()}
        await eventually(lambda: len(run.events("request")) == 12 + 5 + 12 + 2)
        lines = [line for line in run.events("request") if line.get("listener") == "egress"]
        assert {line["worker"] for line in lines} == {0, 1}
        assert {line["route"] for line in lines} == {"text-out", "egress-unmatched"}

        async def figured() -> bool:
            return 'gateway_connections{listener="egress"}' in await everything_told(run, http)

        await eventually(figured)
        assert KEY not in repr((responses, late, rest)) + await everything_told(run, http)


async def test_no_call_of_the_backend_is_lost_when_a_run_ends_under_load(
    runs: Maker, http: ClientSession, backend: HeldBackend
) -> None:
    """It has its answers while the public listener has work, and loses none when its own listener ends."""
    entry = EGRESS.replace("TOOLKIT", backend.url)
    run = await runs(workers=2, drain="{announce: 100ms, finish: 4s}", entry=entry)
    waiting = asyncio.create_task(http.get(run.url + "/api/wait/for-it"))
    await eventually(lambda: backend.waiting == 1)
    load = Load(egress(run), path="/text/llm/")
    load.begin(kept=4, new=4)
    await eventually(lambda: load.answered[200] > 100)
    run.send(signal.SIGTERM)
    await run.event("draining")
    before = load.answered[200]
    await eventually(lambda: load.answered[200] > before + 100)
    backend.release.set()
    assert (await waiting).status == 200
    await load.refused()
    assert (load.lost, set(load.answered)) == ([], {200})
    assert load.closes >= 4
    assert await run.ended() == 0
    assert not run.events("drain_cut")


async def test_the_backend_still_reaches_it_while_what_it_has_to_answer_drains(
    runs: Maker, http: ClientSession, backend: HeldBackend
) -> None:
    async with DemoToolkit(KEY) as toolkit:
        run = await runs(workers=1, entry=EGRESS.replace("TOOLKIT", toolkit.url))
        entry = run.folder / "upstreams.yaml"
        entry.write_text(entry.read_text().replace("paths: [/text/llm/]", "paths: [/text/v2/]"))
        run.send(signal.SIGHUP)
        await run.event("reloaded")
        assert (await post(http, egress(run) + "/text/llm/"))[0] == 404
        entry.write_text(
            entry.read_text()
            .replace("/text/v2/", "/text/llm/")
            .replace("egress: {host: 127.0.0.1", "egress: {host: 127.0.0.2")
        )
        run.send(signal.SIGHUP)
        assert (await run.event("reload_needs_restart"))["settings"] == ["listen.egress"]

        waiting = asyncio.create_task(http.get(run.url + "/api/wait/for-it"))
        await eventually(lambda: backend.waiting == 1)
        run.send(signal.SIGTERM)
        await run.event("draining")
        assert (await post(http, egress(run) + "/text/llm/"))[0] == 200
        backend.release.set()
        assert (await waiting).status == 200
        assert await run.ended() == 0

        async def refused() -> bool:
            try:
                await post(http, egress(run) + "/text/llm/")
            except ClientConnectionError:
                return True
            return False

        assert await refused()
