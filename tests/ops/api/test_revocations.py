"""Revoking tokens: what is understood, what holds, and what is written to the log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.ops.api.order import InvalidOrder
from gateway.ops.api.revocations import LONGEST, revoke_of
from gateway.state.memory.store import MemoryStore
from tests.ops.api.fake_admin import BEARER, NOON, FakeAdmin

Client = TestClient[Any, Any]


async def test_only_operators_may_revoke(client: Client, admin: FakeAdmin) -> None:
    assert (await client.post("/v1/revoke", json={"subject": "ada"})).status == 401
    assert (await client.post("/v1/revoke", data={"subject": "ada"}, headers=BEARER)).status == 415
    assert (admin.events, admin.memory.revocations(NOON)) == ([], [])


@pytest.mark.parametrize("kind", ["subject", "session"])
async def test_a_revocation_is_kept_and_is_in_the_log(client: Client, admin: FakeAdmin, kind: str) -> None:
    response = await client.post("/v1/revoke", json={kind: "ada", "for": "15m", "by": "grace"}, headers=BEARER)
    assert (response.status, await response.json()) == (200, {"revoked": True, "until": "2026-01-01T12:15:00Z"})
    (held,) = admin.memory.revocations(NOON)
    assert held == (admin.memory.revocation_name(kind, b"ada"), NOON, NOON + 900)
    ((name, fields),) = admin.events
    assert (name, fields[kind], fields["by"], fields["revoked"]) == ("revoke", "a-hash", "grace", True)
    assert "ada" not in str(fields)


async def test_it_lasts_a_month_unless_the_order_says_how_long(client: Client, admin: FakeAdmin) -> None:
    assert (await client.post("/v1/revoke", json={"subject": "ada"}, headers=BEARER)).status == 200
    assert [one.until for one in admin.memory.revocations(NOON)] == [NOON + LONGEST]


async def test_no_room_and_no_store_are_problems(client: Client, admin: FakeAdmin) -> None:
    class Full(MemoryStore):
        def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
            return False

    admin.kept = Full()
    assert (await client.post("/v1/revoke", json={"subject": "ada"}, headers=BEARER)).status == 507
    assert admin.events[-1][1]["revoked"] is False
    admin.kept = None
    assert (await client.post("/v1/revoke", json={"subject": "ada"}, headers=BEARER)).status == 503


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"by": "grace"}',
        b'{"subject": ""}',
        b'{"subject": 7}',
        b'{"subject": "a", "session": "b"}',
        b'{"subject": "a", "account": "b"}',
        b'{"subject": "a", "for": "31d"}',
        b'{"subject": "a", "for": "0s"}',
        b'{"subject": "a", "for": "soon"}',
        json.dumps({"subject": "a" * 513}).encode(),
    ],
)
async def test_an_order_that_makes_no_sense_changes_nothing(client: Client, admin: FakeAdmin, body: bytes) -> None:
    headers = {**BEARER, "content-type": "application/json"}
    assert (await client.post("/v1/revoke", data=body, headers=headers)).status == 400
    assert (admin.events, admin.memory.revocations(NOON)) == ([], [])
    with pytest.raises(InvalidOrder, match=r"\w"):
        revoke_of(body)
