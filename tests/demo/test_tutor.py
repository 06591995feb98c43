"""The demo tutor over its socket: who may call what, and what it says of its callers."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from gateway.demo.accounts import ADA_EMAIL, ADA_PASSWORD, user_id
from gateway.demo.procedures import PROCEDURES
from gateway.demo.tutor import DemoTutor
from tests.demo.talk import LOGIN, get, post, send, token

_INPUTS = {
    "string": "x", "email": "x@example.com", "url": "https://example.com/", "boolean": True, "number": 5,
    "uuid": "3f0f7a52-6a1c-4d3c-9a53-0c1b8f7f6a10", "list": ["x"], "record": {},
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(name for name, row in PROCEDURES.items() if not row.public))
async def test_a_protected_procedure_asks_for_a_token(tutor: DemoTutor, name: str) -> None:
    if PROCEDURES[name].kind == "query":
        status, _, _ = await get(tutor, f"/api/trpc/{name}")
    else:
        status, _ = await post(tutor, f"/api/trpc/{name}", {})
    assert status == 401


async def test_a_bad_token_counts_as_anonymous(tutor: DemoTutor) -> None:
    good = await token(tutor)
    for bad in (good[:-2], "x.y.z", "", good.replace(".", "", 1)):
        assert (await get(tutor, "/api/trpc/auth.getCurrentUser", f"\r\nauthorization: Bearer {bad}"))[0] == 401
        assert (await get(tutor, "/api/trpc/lessons.getAll", f"\r\nauthorization: Bearer {bad}"))[0] == 200
    status, _, answer = await get(tutor, "/api/trpc/auth.getCurrentUser", f"\r\nauthorization: bearer {good}")
    assert (status, answer["result"]["data"]["json"]["id"]) == (200, user_id(ADA_EMAIL))


@pytest.mark.parametrize("name", sorted(set(PROCEDURES) - {"auth.login", "auth.signin", "auth.signup"}))
async def test_every_procedure_answers_something(tutor: DemoTutor, name: str) -> None:
    row = PROCEDURES[name]
    given: dict[str, Any] = {field.name: _INPUTS[field.type] for field in row.fields if not field.optional}
    given |= {"password": ADA_PASSWORD, "confirmation": "DELETE", "code": "123456", "otp": "123456"}
    given |= {"currentPassword": ADA_PASSWORD, "newPassword": "New-pass-1", "confirmPassword": "New-pass-1"}
    given |= {"id": "es-market", "dailyGoalMinutes": 10} if name != "auth.refreshToken" else {}
    bearer = f"\r\nauthorization: Bearer {await token(tutor)}"
    if row.kind == "query":
        text = quote(json.dumps({"json": given}))
        status, _, answer = await get(tutor, f"/api/trpc/{name}?input={text}", bearer)
    else:
        status, answer = await post(tutor, f"/api/trpc/{name}", {"json": given}, bearer)
    if name == "auth.refreshToken":
        assert status == 401
        return
    assert (status, "json" in answer["result"]["data"], tutor.counts[row.name]) == (200, True, 1)


async def test_every_response_has_the_fields_of_the_real_one(tutor: DemoTutor) -> None:
    for target in ("/api/info", "/api/trpc/lessons.getAll", "/nothing"):
        _, fields, _ = await get(tutor, target, "\r\nx-correlation-id: mine")
        assert (fields["x-correlation-id"], fields["access-control-allow-origin"]) == ("mine", "true")
    assert (await send(tutor.url, "OPTIONS /api/trpc/lessons.getAll HTTP/1.1"))[0] == 204


async def test_passwords_that_were_compared_are_counted_by_account_and_address(tutor: DemoTutor) -> None:
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        await post(tutor, "/api/trpc/auth.login", LOGIN, f"\r\nx-forwarded-for: {address}")
    assert (await get(tutor, "/__control/guesses"))[2] == [
        {"account": ADA_EMAIL, "address": "192.0.2.1", "guesses": 2},
        {"account": ADA_EMAIL, "address": "192.0.2.2", "guesses": 1},
    ]
