"""``POST /v1/explain``."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.ops.api.admin import NotExplained
from tests.ops.api.fake_admin import BEARER, FakeAdmin

Client = TestClient[Any, Any]
ORDER = {"method": "GET", "target": "/hush?token=hush", "headers": {"authorization": "hush"}, "body": "hush"}


async def test_only_operators_may_ask(client: Client) -> None:
    assert (await client.post("/v1/explain", json=ORDER)).status == 401
    assert (await client.get("/v1/explain", headers=BEARER)).status == 405


async def test_an_order_is_explained_and_nothing_of_it_is_in_the_audit(client: Client, admin: FakeAdmin) -> None:
    response = await client.post("/v1/explain", json={**ORDER, "by": "grace"}, headers=BEARER)
    assert (response.status, await response.json()) == (200, {"verdict": "pass"})
    assert admin.explained == [ORDER]
    ((name, fields),) = admin.events
    assert (name, fields["by"], fields["refused"]) == ("explained", "grace", False)
    assert "hush" not in str(admin.events)


async def test_what_cannot_be_explained_is_a_problem(client: Client, admin: FakeAdmin) -> None:
    admin.unexplained = NotExplained(404, "no such request")
    response = await client.post("/v1/explain", json={"request_id": "abc"}, headers=BEARER)
    assert (response.status, (await response.json())["title"]) == (404, "no such request")


@pytest.mark.parametrize(
    "order",
    [
        [], {}, {"method": "GET"}, {"target": "/"}, {"method": "GET", "target": "/", "secret": "x"}, {"request_id": 1},
        {"request_id": ""}, {"request_id": "a b"}, {"request_id": "x" * 129}, {"request_id": "x", "method": "GET", "target": "/"},
        {"method": "GET", "target": "/", "by": 5}, {"method": "GET", "target": "/", "by": "x" * 513},
    ],
)  # fmt: skip
async def test_another_order_is_refused(client: Client, admin: FakeAdmin, order: Any) -> None:
    assert (await client.post("/v1/explain", json=order, headers=BEARER)).status == 400
    assert admin.explained == []
