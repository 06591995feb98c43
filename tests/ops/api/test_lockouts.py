"""Looking at locks and lifting them: what is shown, what is understood, and what is written to the log."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.ops.api.lockouts import unlock_of
from gateway.ops.api.order import InvalidOrder
from gateway.policy.lockout.keys import account_lock_key, address_lock_key, network_lock_key, pair_lock_key
from gateway.state.memory.store import MemoryStore
from gateway.state.rules.lockout import Attempt
from tests.ops.api.fake_admin import BEARER, NOON, FakeAdmin

Client = TestClient[Any, Any]


def lock(store: MemoryStore, kind: str, key: bytes) -> None:
    store.settle([Attempt(key, kind, 1, 900.0, (900.0,))], True, NOON)


async def test_only_operators_may_look_and_unlock(client: Client, admin: FakeAdmin) -> None:
    assert (await client.get("/v1/lockouts")).status == 401
    assert (await client.post("/v1/unlock", json={"account": "ada@x.y"})).status == 401
    assert admin.events == []


async def test_locks_are_listed_with_who_since_until_and_why(client: Client, admin: FakeAdmin) -> None:
    lock(admin.memory, "account", account_lock_key("accounts", "ada@x.y"))
    lock(admin.memory, "address", address_lock_key("accounts", "192.0.2.1"))
    response = await client.get("/v1/lockouts", headers=BEARER)
    locks = (await response.json())["lockouts"]
    assert response.status == 200
    assert "ada@x.y" not in str(locks)
    assert next(one for one in locks if one["kind"] == "address") == {
        "kind": "address",
        "who": "192.0.2.1",
        "since": "2026-01-01T12:00:00Z",
        "until": "2026-01-01T12:15:00Z",
        "failures": 1,
        "reason": "failed attempts from one address",
    }


@pytest.mark.parametrize(
    ("order", "kind", "key"),
    [
        ({"account": "ADA@x.y "}, "account", account_lock_key("codes", "ada@x.y")),
        ({"address": "192.0.2.1"}, "address", address_lock_key("accounts", "192.0.2.1")),
        ({"address": "2001:db8:1:2::/64"}, "address", address_lock_key("accounts", "2001:db8:1:2::99")),
        ({"account": "ada@x.y", "address": "192.0.2.1"}, "pair", pair_lock_key("accounts", "ada@x.y", "192.0.2.1")),
        ({"account": "ada@x.y", "address": "192.0.2.1"}, "network", network_lock_key("codes", "ada@x.y", "192.0.2.9")),
    ],
)
async def test_unlocking_lifts_the_lock_and_is_in_the_log(
    client: Client, admin: FakeAdmin, order: dict[str, str], kind: str, key: bytes
) -> None:
    lock(admin.memory, kind, key)
    admin.clock = NOON + 1
    for unlocked in (True, False):
        response = await client.post("/v1/unlock", json={**order, "by": "grace"}, headers=BEARER)
        assert (response.status, await response.json()) == (200, {"unlocked": unlocked})
        name, fields = admin.events.pop()
        assert name == "unlock"
        assert (fields["by"], fields["asked_from"], fields["unlocked"]) == ("grace", "127.0.0.1", unlocked)
        assert fields.get("account", "a-hash") == "a-hash"
    assert admin.memory.locks(NOON + 1, 10) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"by":"grace"}',
        b'{"account":7}',
        b'{"account":" "}',
        b'{"acount":"a"}',
        b'{"address":"here"}',
        b'{"account":"%s"}' % (b"a" * 600),
        b'{"account":"%s"}' % (b"a" * 321),
        b'{"account":"ada\\u0000@x.y"}',
        b'{"account":"\\u200b"}',
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(client: Client, admin: FakeAdmin, body: bytes) -> None:
    headers = {**BEARER, "content-type": "application/json"}
    response = await client.post("/v1/unlock", data=body, headers=headers)
    assert (response.status, response.content_type) == (400, "application/problem+json")
    assert admin.events == []
    with pytest.raises(InvalidOrder):
        unlock_of(body)


async def test_a_store_that_cannot_be_opened_is_a_problem(client: Client, admin: FakeAdmin) -> None:
    admin.kept = None
    assert (await client.get("/v1/lockouts", headers=BEARER)).status == 503
    response = await client.post("/v1/unlock", json={"account": "a"}, headers=BEARER)
    assert (response.status, (await response.json())["title"]) == (503, "the state folder is gone")
