"""A run that watches its files: a change is served by itself, or refused, and everybody may know that."""

from __future__ import annotations

from aiohttp import ClientSession

from tests.eventually import eventually
from tests.gateway_run import ENTRY, OPERATOR, Maker, health, status

WATCHED = ENTRY.replace("drain: DRAIN}", "drain: DRAIN, watch: true}")


async def test_a_change_of_the_files_is_served_by_all_workers_or_refused_by_all(
    runs: Maker, http: ClientSession
) -> None:
    run = await runs(workers=2, entry=WATCHED)
    entry = run.folder / "upstreams.yaml"
    text = entry.read_text()
    entry.write_text(text.replace("/api/info,", "/api/info, /api/new,"))
    served = await run.event("reloaded")
    for _ in range(10):
        assert await status(http, run.url + "/api/new") == 200
    (loosened,) = (await run.event("reload_loosens"))["changes"]
    assert "/api/new" in loosened and "acknowledge" in loosened

    entry.write_text(text.replace("auth: access-token}", "auth: nobody}"))
    assert "nobody" in (await run.event("reload_refused"))["problems"][0]
    shown = await health(run, http)
    assert shown["config"]["digest"] == served["digest"] and "nobody" in shown["config"]["refused"]["problems"][0]
    async with http.get(run.url + "/health") as response:
        public = (await response.json())["config"]
    assert (public["digest"], public["refused"].keys()) == (served["digest"], {"at"})

    entry.write_text(text)

    async def well() -> bool:
        async with http.get(run.url + "/health") as response:
            return (await response.json())["config"]["refused"] is None

    await eventually(well)
    assert await status(http, run.url + "/api/new") == 404
    assert len(run.events("reload_refused")) == 1


async def test_over_the_api_the_same_change_waits_until_somebody_answers_for_it(
    runs: Maker, http: ClientSession
) -> None:
    run = await runs()
    entry = run.folder / "upstreams.yaml"
    entry.write_text(entry.read_text().replace("/api/info,", "/api/info, /api/new,"))
    async with http.post(run.ops + "/v1/reload", headers=OPERATOR) as response:
        refused = await response.json()
        assert response.status == 409
    (loosening,) = refused["loosenings"]
    assert await status(http, run.url + "/api/new") == 404
    async with http.post(run.ops + "/v1/diff", headers=OPERATOR) as response:
        assert [change["id"] for change in (await response.json())["changes"]] == [loosening["id"]]
    path = f"/v1/reload?acknowledge=another&acknowledge={loosening['id']}"
    async with http.post(run.ops + path, headers=OPERATOR, json={"by": "grace"}) as response:
        assert response.status == 200, await response.text()
    assert await status(http, run.url + "/api/new") == 200
    ordered = await eventually(lambda: found if len(found := run.events("reload_ordered")) == 2 else [])
    assert [line["acknowledged"] for line in ordered] == [[], [loosening["id"]]]
    assert ordered[1]["by"] == "grace"
