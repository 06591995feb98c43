"""Reloading by order, and what is set from where."""

from __future__ import annotations

from typing import Any

from aiohttp.test_utils import TestClient

from tests.ops.api.fake_admin import BEARER, FakeAdmin

Client = TestClient[Any, Any]


async def test_only_operators_may_reload_and_read(client: Client) -> None:
    assert (await client.post("/v1/reload", json={})).status == 401
    assert (await client.get("/v1/config")).status == 401
    assert (await client.post("/v1/reload", data="x", headers=BEARER)).status == 415


async def test_a_reload_that_is_served_is_200_and_a_refused_one_409(client: Client, admin: FakeAdmin) -> None:
    response = await client.post("/v1/reload", json={"by": "grace"}, headers=BEARER)
    assert (response.status, await response.json()) == (200, admin.reloaded)
    admin.reloaded = {"reloaded": False, "digest": "d", "problems": ["x"], "needs_restart": []}
    response = await client.post("/v1/reload", headers=BEARER)
    assert (response.status, await response.json()) == (409, admin.reloaded)
    events = [(name, fields["reloaded"], fields["by"]) for name, fields in admin.events]
    assert events == [("reload_ordered", True, "grace"), ("reload_ordered", False, "")]
    assert (await client.post("/v1/reload", json={"now": True}, headers=BEARER)).status == 400


async def test_the_configuration_is_shown(client: Client, admin: FakeAdmin) -> None:
    response = await client.get("/v1/config", headers=BEARER)
    assert (response.status, await response.json()) == (200, admin.configuration())


async def test_acknowledgements_come_in_the_query_or_in_the_body_and_are_in_the_audit(
    client: Client, admin: FakeAdmin
) -> None:
    admin.reloaded = {**admin.reloaded, "loosenings": [], "acknowledged": ["a1"]}
    path = "/v1/reload?acknowledge=a1&acknowledge=b2"
    assert (await client.post(path, headers=BEARER)).status == 200
    assert admin.acknowledged == ["a1", "b2"]
    order = {"by": "grace", "acknowledge": ["c3"]}
    assert (await client.post(path, json=order, headers=BEARER)).status == 200
    assert admin.acknowledged == ["a1", "b2", "c3"]
    assert [fields["acknowledged"] for _, fields in admin.events] == [["a1"], ["a1"]], "those that were needed"
    for wrong in (
        {"acknowledge": "a1"},
        {"acknowledge": [["a1"]]},
        {"acknowledge": [1]},
        {"acknowledge": ["a"] * 1001},
    ):
        assert (await client.post("/v1/reload", json=wrong, headers=BEARER)).status == 400
    assert (await client.post("/v1/reload?acknowledge=a%0ab", headers=BEARER)).status == 400
    assert (await client.post("/v1/reload?acknowledge=", headers=BEARER)).status == 400
    assert len(admin.events) == 2


async def test_files_can_be_compared_without_being_served(client: Client, admin: FakeAdmin) -> None:
    assert (await client.post("/v1/diff", json={})).status == 401
    response = await client.post("/v1/diff", headers=BEARER)
    assert (response.status, await response.json()) == (200, admin.compared)
    admin.compared = {"compared": False, "digest": "d", "problems": ["x"], "changes": []}
    response = await client.post("/v1/diff", headers=BEARER)
    assert (response.status, await response.json()) == (409, admin.compared)
    assert admin.events == []
