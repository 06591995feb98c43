"""Looking at locks and lifting them: who may, what is told, and what is written down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from gateway.core.secret import Secret
from gateway.ops.api.app import application
from gateway.ops.api.lockouts import add, order_of
from gateway.policy.lockout import account_key, address_counted, pair_key
from gateway.state.rules.lockout import Attempt
from gateway.state.store import StateError
from tests.memory_store import MemoryStore

NOON = 1_767_268_800.0
TOKEN = "an-operators-token-of-some-length"
GOOD = {"authorization": f"Bearer {TOKEN}"}

Client = Callable[[Any], Awaitable[TestClient[Any, Any]]]


class Facts:
    def token(self) -> Secret | None:
        return Secret(TOKEN)

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

    def lockouts(self) -> list[str]:
        return ["accounts", "codes"]

    def store(self) -> Any:
        if self.kept is None:
            raise StateError("the state folder is gone")
        return self.kept

    def person(self, account: str) -> str:
        return "a-hash"

    def audit(self, name: str, **fields: object) -> None:
        self.events.append((name, fields))

    def lock(self, kind: str, key: bytes) -> None:
        self.kept.settle([Attempt(key, kind, 1, 900.0, (900.0,))], True, NOON)

    def app(self) -> web.Application:
        app = application(Facts())
        add(app, self, lambda: NOON + 1)
        return app


async def test_only_operators_may_look_and_unlock(aiohttp_client: Client) -> None:
    desk = Desk()
    client = await aiohttp_client(desk.app())
    assert (await client.get("/v1/lockouts")).status == 401
    assert (await client.post("/v1/unlock", json={"account": "ada@x.y"})).status == 401
    assert desk.events == []


async def test_locks_are_listed_with_who_since_until_and_why(aiohttp_client: Client) -> None:
    desk = Desk()
    client = await aiohttp_client(desk.app())
    desk.lock("account", account_key("accounts", "ada@x.y"))
    desk.lock("address", address_counted("accounts", "192.0.2.1"))
    answer = await client.get("/v1/lockouts", headers=GOOD)
    told = (await answer.json())["lockouts"]
    assert {"ada@x.y" in str(told), answer.status} == {False, 200}
    address = next(lock for lock in told if lock["kind"] == "address")
    assert address == {
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
        ({"account": "ADA@x.y "}, "account", account_key("codes", "ada@x.y")),
        ({"address": "192.0.2.1"}, "address", address_counted("accounts", "192.0.2.1")),
        ({"address": "2001:db8:1:2::/64"}, "address", address_counted("accounts", "2001:db8:1:2::99")),
        ({"account": "ada@x.y", "address": "192.0.2.1"}, "pair", pair_key("accounts", "ada@x.y", "192.0.2.1")),
    ],
)
async def test_unlocking_lifts_the_lock_and_is_written_down(
    aiohttp_client: Client, order: dict[str, str], kind: str, key: bytes
) -> None:
    desk = Desk()
    client = await aiohttp_client(desk.app())
    desk.lock(kind, key)
    for unlocked in (True, False):
        answer = await client.post("/v1/unlock", json={**order, "by": "grace"}, headers=GOOD)
        assert (answer.status, await answer.json()) == (200, {"unlocked": unlocked})
        name, fields = desk.events.pop()
        assert (name, fields["by"], fields["asked_from"], fields["unlocked"]) == (
            "unlock",
            "grace",
            "127.0.0.1",
            unlocked,
        )
        assert fields.get("account", "a-hash") == "a-hash"
    assert desk.kept.locks(NOON + 1, 10) == []


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
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(aiohttp_client: Client, body: bytes) -> None:
    desk = Desk()
    client = await aiohttp_client(desk.app())
    json = {**GOOD, "content-type": "application/json"}
    answer = await client.post("/v1/unlock", data=body, headers=json)
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert desk.events == []
    with pytest.raises(ValueError):
        order_of(body)


async def test_what_a_web_page_could_send_unasked_is_refused(aiohttp_client: Client) -> None:
    client = await aiohttp_client(Desk().app())
    answer = await client.post("/v1/unlock", data=b'{"account":"a"}', headers={**GOOD, "content-type": "text/plain"})
    assert answer.status == 415


async def test_a_store_that_cannot_be_opened_is_told(aiohttp_client: Client) -> None:
    desk = Desk()
    desk.kept = None
    client = await aiohttp_client(desk.app())
    assert (await client.get("/v1/lockouts", headers=GOOD)).status == 503
    answer = await client.post("/v1/unlock", json={"account": "a"}, headers=GOOD)
    assert (answer.status, (await answer.json())["title"]) == (503, "the state folder is gone")
