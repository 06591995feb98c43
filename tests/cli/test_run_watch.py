"""A run that watches its files: a change is served by itself, or refused, and everybody may know that."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import ClientSession

from tests.cli.rolling_load import Load
from tests.eventually import eventually
from tests.gateway_run import ENTRY, OPERATOR, Maker, Run, health, status
from tests.held_backend import HeldBackend

WATCHED = ENTRY.replace("drain: DRAIN}", "drain: DRAIN, watch: true}").replace(
    '"/api/wait/*"], upstream', '"/api/wait/*"], methods: [GET, POST], upstream'
)


async def public(run: Run, http: ClientSession) -> dict[str, Any]:
    """The part ``config`` of the public /health."""
    async with http.get(run.url + "/health") as response:
        shown: dict[str, Any] = (await response.json())["config"]
        return shown


async def refused(run: Run, http: ClientSession) -> dict[str, Any] | None:
    found: dict[str, Any] | None = (await public(run, http))["refused"]
    return found


async def mended(run: Run, http: ClientSession) -> bool:
    return await refused(run, http) is None


async def test_changes_of_the_files_are_served_by_all_workers_or_by_none_while_requests_go_on(
    runs: Maker, http: ClientSession, backend: HeldBackend
) -> None:
    run = await runs(workers=2, entry=WATCHED)
    before = (await public(run, http))["digest"]
    load = Load(run.url)
    load.begin(kept=1, new=1, pause=0.1)
    held = asyncio.create_task(status(http, run.url + "/api/wait/1"))
    await eventually(lambda: backend.waiting)

    entry = run.folder / "upstreams.yaml"
    text = entry.read_text()
    entry.write_text(text.replace("auth: access-token}", "auth: nobody}"))
    assert "nobody" in (await run.event("reload_refused"))["problems"][0]
    shown = (await health(run, http))["config"]
    assert shown["digest"] == before and "nobody" in shown["refused"]["problems"][0]

    shown = await eventually(lambda: refused(run, http))
    assert shown.keys() == {"at"}, "problems name files"

    text = text.replace("watch: true", "watch: false").replace("/api/info,", "/api/info, /api/new,")
    entry.write_text(text)
    served = await run.event("reloaded")
    for _ in range(10):
        assert await status(http, run.url + "/api/new") == 200
    assert (await public(run, http))["digest"] == served["digest"] != before
    await eventually(lambda: mended(run, http))
    assert len(run.events("reload_refused")) == 1
    backend.release.set()
    assert await held == 200
    (loosened,) = (await run.event("reload_loosens"))["changes"]
    assert "/api/new" in loosened and "acknowledge" in loosened

    # From here on somebody has to ask for it, and over the API to answer for what it opens.
    entry.write_text(text.replace("/api/new,", "/api/new, /api/newer,"))
    async with http.post(run.ops + "/v1/reload", headers=OPERATOR) as response:
        assert response.status == 409
        (loosening,) = (await response.json())["loosenings"]
    assert await status(http, run.url + "/api/newer") == 404
    async with http.post(run.ops + "/v1/diff", headers=OPERATOR) as response:
        assert [change["id"] for change in (await response.json())["changes"]] == [loosening["id"]]
    path = f"/v1/reload?acknowledge=another&acknowledge={loosening['id']}"
    async with http.post(run.ops + path, headers=OPERATOR, json={"by": "grace"}) as response:
        assert response.status == 200, await response.text()
        digest = (await response.json())["digest"]
    assert await status(http, run.url + "/api/newer") == 200
    ordered = await eventually(lambda: found if len(found := run.events("reload_ordered")) == 2 else [])
    assert [(line["by"], line["acknowledged"]) for line in ordered] == [("", []), ("grace", [loosening["id"]])]

    await load.stop()
    assert load.lost == [] and set(load.answered) == {200}
    await eventually(lambda: any(line.get("config") == digest[:12] for line in run.lines()))
    (waited,) = [line for line in run.lines() if line.get("path") == "/api/wait/1"]
    assert waited["config"] == before[:12], "by what it began with"
    assert [line["config"] for line in run.lines() if line.get("path") == "/api/newer"][-1] == digest[:12]
