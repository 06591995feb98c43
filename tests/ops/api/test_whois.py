"""Looking somebody up: by name what is held against them, by hash and candidates whose it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.ops.api.order import InvalidOrder
from gateway.ops.api.whois import MOST_NAMES, among_of, whois_of
from gateway.ops.clients import identified
from gateway.ops.plain import Pseudonyms
from gateway.policy.base.pointer import account_name
from gateway.policy.lockout.keys import account_lock_key, address_lock_key
from gateway.policy.rate_limit.rate_limit import Settings
from gateway.state.rules.gcra import Take
from gateway.state.rules.lockout import Attempt
from tests.ops.api.fake_admin import BEARER, NOON, FakeAdmin

Client = TestClient[Any, Any]


def lock(admin: FakeAdmin, key: bytes, kind: str) -> None:
    attempt = Attempt(key, kind, 1, 900.0, (60.0,))
    admin.memory.reserve([attempt], NOON)
    admin.memory.settle([attempt], True, NOON)


async def asked(client: Client, **order: object) -> dict[str, Any]:
    response = await client.post("/v1/whois", json=order, headers=BEARER)
    assert response.status == 200, await response.text()
    found: dict[str, Any] = await response.json()
    return found


async def test_only_operators_may_ask(client: Client, admin: FakeAdmin) -> None:
    assert (await client.post("/v1/whois", json={"account": "ada"})).status == 401
    assert admin.events == []


async def test_the_lock_of_an_account_is_found_by_its_name(client: Client, admin: FakeAdmin) -> None:
    lock(admin, account_lock_key("accounts", "ada@example.com"), "account")
    found = await asked(client, account=" ADA@example.com ", by="grace")
    first, second = found["locks"]
    assert (first["lockout"], first["locked"], second["lockout"], second["locked"]) == (
        "accounts",
        True,
        "codes",
        False,
    )
    (listed,) = (await (await client.get("/v1/lockouts", headers=BEARER)).json())["lockouts"]
    assert {key: first[key] for key in listed} == listed
    assert second["who"] != first["who"]
    ((name, fields),) = admin.events
    assert (name, fields["account"], fields["by"]) == ("whois", "a-hash", "grace")
    assert "ada" not in str(fields).lower()


async def test_an_account_at_an_address_and_the_address_itself(client: Client, admin: FakeAdmin) -> None:
    lock(admin, address_lock_key("codes", "2001:db8::1"), "address")
    found = await asked(client, account="ada", address="2001:db8::9/64")
    locked = {(row["lockout"], row["kind"]) for row in found["locks"] if row["locked"]}
    assert locked == {(None, "address")}
    assert [row["kind"] for row in found["locks"]] == [*["account", "pair", "network"] * 2, "address"]


async def test_revocations_and_limits_of_a_subject(client: Client, admin: FakeAdmin) -> None:
    settings = Settings.model_validate({"limit": "5/minute", "key": ["principal"]})
    admin.rate_limits = {"per-user": settings}
    admin.memory.revoke("subject", b"u1", NOON + 60, NOON)
    found = await asked(client, subject="u1", session="s1")
    assert found["revocations"] == [
        {"kind": "subject", "since": "2026-01-01T12:00:00Z", "until": "2026-01-01T12:01:00Z"}
    ]
    before = await asked(client, subject="u1")
    assert before["limits"] == [
        {"limit": "per-user", "key": ["principal"], "remaining": 5, "burst": 5, "full_in_s": 0.0}
    ]
    assert (await asked(client, subject="u1"))["limits"] == before["limits"], "looking takes nothing"


async def test_a_hash_is_found_among_names(client: Client, admin: FakeAdmin, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Pseudonyms(b"k")
    monkeypatch.setattr(admin, "pseudonym", names.of)
    monkeypatch.setattr(admin, "account_pseudonym", lambda account: names.of(account_name(account)))
    candidates = ["ada@example.com", "bob@example.com", "u" * 32, "\x01"]
    assert (await asked(client, hash=names.of("u" * 32), names=candidates))["names"] == ["u" * 32]
    assert (await asked(client, hash=names.of("bob@example.com"), names=["BOB@example.com"]))["names"] == [
        "BOB@example.com"
    ]
    who = admin.memory.lock_name("account", account_lock_key("codes", "ada@example.com"))
    assert (await asked(client, hash=who, names=candidates))["names"] == ["ada@example.com"]
    assert (await asked(client, hash="0" * 12, names=candidates))["names"] == []
    assert [fields["hash"] for name, fields in admin.events if name == "whois"][-1] == who


async def test_an_address_is_found_as_the_busiest_clients_have_it(
    client: Client, admin: FakeAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Pseudonyms(b"k")
    monkeypatch.setattr(admin, "pseudonym", names.of)
    shown = names.of(identified("2001:db8::1")[0])
    assert (await asked(client, address="2001:db8::2"))["client"] == shown
    assert (await asked(client, subject="u1"))["client"] is None
    candidates = ["192.0.2.1", "2001:db8::3", "2001:db8:0:1::1"]
    assert (await asked(client, hash=shown, names=candidates))["names"] == ["2001:db8::3"]
    assert (await asked(client, hash=names.of("192.0.2.1"), names=candidates))["names"] == ["192.0.2.1"]


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"by": "grace"},
        {"name": "ada"},
        {"account": ""},
        {"account": "\x00"},
        {"account": 7},
        {"address": "nowhere"},
        {"account": "a" * 600},
    ],
)
def test_other_orders_are_not_understood(order: object) -> None:
    with pytest.raises(InvalidOrder):
        whois_of(json.dumps(order).encode())


@pytest.mark.parametrize(
    "order",
    [
        {"hash": "abc", "names": ["a"]},
        {"hash": "0" * 12},
        {"hash": "0" * 12, "names": "a"},
        {"hash": "0" * 12, "names": [""]},
        {"hash": "0" * 12, "names": [7]},
        {"hash": "0" * 12, "names": ["a" * 600]},
        {"hash": "0" * 12, "names": ["a"] * (MOST_NAMES + 1)},
        {"hash": "0" * 12, "names": ["a"], "account": "b"},
    ],
)
def test_other_lists_of_names_are_not_understood(order: object) -> None:
    with pytest.raises(InvalidOrder):
        among_of(json.dumps(order).encode())


async def test_a_hash_beside_a_name_is_not_understood(client: Client) -> None:
    response = await client.post("/v1/whois", json={"hash": "0" * 12, "account": "a"}, headers=BEARER)
    assert response.status == 400


def test_a_take_of_nothing_charges_nothing_in_a_full_bucket() -> None:
    store = FakeAdmin().memory
    store.take((Take(b"k", 5, 5, 60.0, 5),), NOON)
    assert [store.take((Take(b"k", 0, 5, 60.0, 5),), NOON)[0].remaining for _ in range(3)] == [0, 0, 0]
