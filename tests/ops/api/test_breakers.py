"""Looking at breakers and holding them by hand: who may, what is told, and what is written down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from gateway.core.secret import Secret
from gateway.ops.api.app import application
from gateway.ops.api.breakers import add
from gateway.policy.breaker import Settings
from gateway.state.rules.circuit import NEW
from gateway.state.store import StateError
from tests.memory_store import MemoryStore

NOON = 1_767_268_800.0
TOKEN = "an-operators-token-of-some-length"
GOOD = {"authorization": f"Bearer {TOKEN}"}
TRIP = Settings().trip()

Client = Callable[[Any], Awaitable[TestClient[Any, Any]]]


class Facts:
    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> Secret | None:
        return Secret(self._token) if self._token else None

    def picture(self) -> dict[str, Any]:
        return {}

    def figures(self) -> bytes:
        return b""

    def routes(self) -> list[dict[str, Any]]:
        return []


class Desk:
    def __init__(self) -> None:
        self.kept: Any = MemoryStore()
        self.events: list[tuple[str, dict[str, object]]] = []

    def breakers(self) -> dict[str, str]:
        return {"stt": "external", "toolkit": "external"}

    def circuits(self) -> Any:
        if self.kept is None:
            raise StateError("the state folder is gone")
        return self.kept

    def audit(self, name: str, **fields: object) -> None:
        self.events.append((name, fields))

    def app(self, token: str = TOKEN) -> web.Application:
        app = application(Facts(token))
        add(app, self, lambda: NOON + 1)
        return app

    def fails(self, upstream: bytes, times: int = 5) -> None:
        for _ in range(times):
            epoch = self.kept.admit(upstream, TRIP, NOON).epoch
            self.kept.record_outcome(upstream, TRIP, epoch, True, NOON)


async def test_only_operators_may_look_and_order(aiohttp_client: Client) -> None:
    desk = Desk()
    client = await aiohttp_client(desk.app())
    assert (await client.get("/v1/breakers")).status == 401
    assert (await client.post("/v1/breakers/stt/open")).status == 401
    assert desk.events == []
    assert desk.kept.circuit(b"stt", NOON) == NEW


async def test_they_are_listed_as_they_stand(aiohttp_client: Client) -> None:
    desk = Desk()
    desk.fails(b"stt")
    client = await aiohttp_client(desk.app())
    answer = await client.get("/v1/breakers", headers=GOOD)
    assert (await answer.json())["breakers"] == [
        {
            "upstream": "stt",
            "breaker": "external",
            "state": "open",
            "forced": False,
            "failures": 5,
            "opened_at": "2026-01-01T12:00:00Z",
            "retry_in_s": 59,
        },
        {
            "upstream": "toolkit",
            "breaker": "external",
            "state": "closed",
            "forced": False,
            "failures": 0,
            "opened_at": None,
            "retry_in_s": None,
        },
    ]


@pytest.mark.parametrize(("order", "state", "admitted"), [("open", "open", False), ("close", "closed", True)])
async def test_an_order_holds_until_it_is_handed_back_and_is_written_down(
    aiohttp_client: Client, order: str, state: str, admitted: bool
) -> None:
    desk = Desk()
    client = await aiohttp_client(desk.app())
    answer = await client.post(f"/v1/breakers/stt/{order}", json={"by": "grace"}, headers=GOOD)
    told = await answer.json()
    assert (answer.status, told["state"], told["forced"], told["retry_in_s"]) == (200, state, True, None)
    assert desk.events.pop() == (
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
        desk.fails(b"stt", 20)
    assert desk.kept.admit(b"stt", TRIP, NOON + 86_400 * 365).ok is admitted
    assert desk.kept.admit(b"toolkit", TRIP, NOON).ok, "the other is not concerned"
    answer = await client.post("/v1/breakers/stt/auto", headers=GOOD)
    assert (await answer.json())["forced"] is False
    assert desk.kept.admit(b"stt", TRIP, NOON + 2).ok


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"by":7}', b'{"who":"me"}', b'{"by":"%s"}' % (b"a" * 600)])
async def test_an_order_that_makes_no_sense_is_refused(aiohttp_client: Client, body: bytes) -> None:
    desk = Desk()
    client = await aiohttp_client(desk.app())
    answer = await client.post("/v1/breakers/stt/open", data=body, headers={**GOOD, "content-type": "application/json"})
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert (desk.events, desk.kept.circuit(b"stt", NOON)) == ([], NEW)


async def test_what_has_no_breaker_and_what_is_no_order_is_not_found(aiohttp_client: Client) -> None:
    client = await aiohttp_client(Desk().app())
    assert (await client.post("/v1/breakers/tutor/open", headers=GOOD)).status == 404
    assert (await client.post("/v1/breakers/stt/half", headers=GOOD)).status == 404
    assert (await client.get("/v1/breakers/stt/open", headers=GOOD)).status == 405


async def test_what_a_web_page_could_send_unasked_is_refused(aiohttp_client: Client) -> None:
    desk = Desk()
    guarded, open_to_host = await aiohttp_client(desk.app()), await aiohttp_client(desk.app(""))
    for client, headers in ((guarded, GOOD), (open_to_host, {})):
        answer = await client.post(
            "/v1/breakers/stt/open", data=b"{}", headers={**headers, "content-type": "text/plain"}
        )
        assert answer.status == 415
    assert (await open_to_host.post("/v1/breakers/stt/open")).status == 415
    assert desk.events == []
    assert (await open_to_host.post("/v1/breakers/stt/open", json={})).status == 200


async def test_a_store_that_cannot_note_it_is_told(aiohttp_client: Client) -> None:
    desk = Desk()
    client = await aiohttp_client(desk.app())
    desk.kept = None
    assert (await client.get("/v1/breakers", headers=GOOD)).status == 503
    assert (await client.post("/v1/breakers/stt/open", headers=GOOD)).status == 503

    class Full(MemoryStore):
        def force(self, name: bytes, state: str, now: float) -> Any:
            return NEW, "closed"

    desk.kept = Full()
    answer = await client.post("/v1/breakers/stt/open", headers=GOOD)
    assert (answer.status, (await answer.json())["title"]) == (503, "The state store has no room to note it")
    assert desk.events == []
