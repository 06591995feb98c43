"""Revoking tokens: who may, what is understood, and what is written down."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from gateway.core.secret import Secret
from gateway.ops.api.app import application
from gateway.ops.api.revocations import LONGEST, add, order_of
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

    def store(self) -> Any:
        if self.kept is None:
            raise StateError("the state folder is gone")
        return self.kept

    def subject(self, name: str) -> str:
        return "a-hash"

    def audit(self, name: str, **fields: object) -> None:
        self.events.append((name, fields))

    def app(self) -> web.Application:
        app = application(Facts())
        add(app, self, lambda: NOON)
        return app


async def test_only_operators_may_revoke(aiohttp_client: Client) -> None:
    desk = Desk()
    client = await aiohttp_client(desk.app())
    assert (await client.post("/v1/revoke", json={"subject": "ada"})).status == 401
    assert (await client.post("/v1/revoke", data={"subject": "ada"}, headers=GOOD)).status == 415
    assert (desk.events, desk.kept.revocations(NOON)) == ([], [])


@pytest.mark.parametrize("kind", ["subject", "session"])
async def test_a_revocation_is_kept_and_written_down(aiohttp_client: Client, kind: str) -> None:
    desk = Desk()
    client = await aiohttp_client(desk.app())
    answer = await client.post("/v1/revoke", json={kind: "ada", "for": "15m", "by": "grace"}, headers=GOOD)
    assert (answer.status, await answer.json()) == (200, {"revoked": True, "until": "2026-01-01T12:15:00Z"})
    (held,) = desk.kept.revocations(NOON)
    assert held == (desk.kept.revocation_name(kind, b"ada"), NOON, NOON + 900)
    ((name, fields),) = desk.events
    assert (name, fields[kind], fields["by"], fields["revoked"]) == ("revoke", "a-hash", "grace", True)
    assert "ada" not in str(fields)


async def test_it_lasts_a_month_when_nothing_is_said(aiohttp_client: Client) -> None:
    desk = Desk()
    client = await aiohttp_client(desk.app())
    assert (await client.post("/v1/revoke", json={"subject": "ada"}, headers=GOOD)).status == 200
    assert [one.until for one in desk.kept.revocations(NOON)] == [NOON + LONGEST]


async def test_no_room_and_no_store_are_told(aiohttp_client: Client) -> None:
    class Full(MemoryStore):
        def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
            return False

    desk = Desk()
    desk.kept = Full()
    client = await aiohttp_client(desk.app())
    assert (await client.post("/v1/revoke", json={"subject": "ada"}, headers=GOOD)).status == 507
    assert desk.events[-1][1]["revoked"] is False
    desk.kept = None
    assert (await client.post("/v1/revoke", json={"subject": "ada"}, headers=GOOD)).status == 503


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
async def test_what_is_not_understood_changes_nothing(aiohttp_client: Client, body: bytes) -> None:
    desk = Desk()
    client = await aiohttp_client(desk.app())
    answer = await client.post("/v1/revoke", data=body, headers={**GOOD, "content-type": "application/json"})
    assert answer.status == 400
    assert (desk.events, desk.kept.revocations(NOON)) == ([], [])
    with pytest.raises(ValueError, match=r"\w"):
        order_of(body)
