"""Looking at breakers and holding them by hand: what is shown, what holds, and what is written to the log."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.policy.breaker.breaker import Settings
from gateway.state.memory.store import MemoryStore
from gateway.state.rules.circuit import NEW, Circuit
from tests.ops.api.fake_admin import BEARER, NOON, FakeAdmin

Client = TestClient[Any, Any]
TRIP = Settings().trip()


def fail(store: MemoryStore, upstream: bytes, times: int = 5) -> None:
    for _ in range(times):
        epoch = store.admit(upstream, TRIP, NOON).epoch
        store.record_outcome(upstream, TRIP, epoch, True, NOON)


async def test_only_operators_may_look_and_order(client: Client, admin: FakeAdmin) -> None:
    assert (await client.get("/v1/breakers")).status == 401
    assert (await client.post("/v1/breakers/stt/open")).status == 401
    assert admin.events == []
    assert admin.memory.circuit(b"stt", NOON) == NEW


async def test_they_are_listed_with_their_state(client: Client, admin: FakeAdmin) -> None:
    fail(admin.memory, b"stt")
    admin.clock = NOON + 1
    last = {"failure": "connect", "at": "2026-01-01T12:00:00Z"}
    admin.upstreams = {"stt": {"breaker": {"last_failure": last}}}
    response = await client.get("/v1/breakers", headers=BEARER)
    assert (await response.json())["breakers"] == [
        {
            "upstream": "stt",
            "breaker": "external",
            "state": "open",
            "forced": False,
            "failures": 5,
            "opened_at": "2026-01-01T12:00:00Z",
            "retry_in_s": 59,
            "due": False,
            "last_failure": {"failure": "connect", "at": "2026-01-01T12:00:00Z"},
        },
        {
            "upstream": "toolkit",
            "breaker": "external",
            "state": "closed",
            "forced": False,
            "failures": 0,
            "opened_at": None,
            "retry_in_s": None,
            "due": False,
            "last_failure": None,
        },
    ]


@pytest.mark.parametrize(("order", "state", "admitted"), [("open", "open", False), ("close", "closed", True)])
async def test_an_order_holds_until_it_is_handed_back_and_is_in_the_log(
    client: Client, admin: FakeAdmin, order: str, state: str, admitted: bool
) -> None:
    admin.clock = NOON + 1
    response = await client.post(f"/v1/breakers/stt/{order}", json={"by": "grace"}, headers=BEARER)
    body = await response.json()
    assert (response.status, body["state"], body["forced"], body["retry_in_s"]) == (200, state, True, None)
    assert admin.events.pop() == (
        "breaker_ordered",
        {
            "upstream": "stt",
            "order": order,
            "before": "closed",
            "state": state,
            "by": "grace",
            "asked_from": "127.0.0.1",
        },
    )
    if admitted:
        fail(admin.memory, b"stt", 20)
    assert admin.memory.admit(b"stt", TRIP, NOON + 86_400 * 365).ok is admitted
    assert admin.memory.admit(b"toolkit", TRIP, NOON).ok, "the other is not concerned"
    response = await client.post("/v1/breakers/stt/auto", headers=BEARER)
    assert (await response.json())["forced"] is False
    assert admin.memory.admit(b"stt", TRIP, NOON + 2).ok


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"by":7}', b'{"who":"me"}', b'{"by":"%s"}' % (b"a" * 600)])
async def test_an_order_that_makes_no_sense_is_refused(client: Client, admin: FakeAdmin, body: bytes) -> None:
    headers = {**BEARER, "content-type": "application/json"}
    response = await client.post("/v1/breakers/stt/open", data=body, headers=headers)
    assert (response.status, response.content_type) == (400, "application/problem+json")
    assert (admin.events, admin.memory.circuit(b"stt", NOON)) == ([], NEW)


async def test_an_upstream_without_a_breaker_and_another_order_are_not_found(client: Client) -> None:
    assert (await client.post("/v1/breakers/tutor/open", headers=BEARER)).status == 404
    assert (await client.post("/v1/breakers/stt/half", headers=BEARER)).status == 404
    assert (await client.get("/v1/breakers/stt/open", headers=BEARER)).status == 405


async def test_a_store_that_cannot_keep_an_order_is_a_problem(client: Client, admin: FakeAdmin) -> None:
    admin.kept = None
    assert (await client.get("/v1/breakers", headers=BEARER)).status == 503
    assert (await client.post("/v1/breakers/stt/open", headers=BEARER)).status == 503

    class Full(MemoryStore):
        def force(self, name: bytes, state: str, now: float) -> tuple[Circuit, str]:
            return NEW, "closed"

    admin.kept = Full()
    response = await client.post("/v1/breakers/stt/open", headers=BEARER)
    assert (response.status, (await response.json())["title"]) == (503, "The state store has no room to note it")
    assert admin.events == []
