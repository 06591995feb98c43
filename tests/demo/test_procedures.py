"""The demo's procedures, accounts and tokens."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from gateway.demo import hs256
from gateway.demo.accounts import ADA_EMAIL, ADA_PASSWORD, user_id
from gateway.demo.procedures import PROCEDURES
from gateway.demo.tutor import DemoTutor
from tests.demo.talk import LOGIN, SECRET, get, post, token


def test_the_table_is_the_backends() -> None:
    assert len(PROCEDURES) == 62
    kinds = [procedure.kind for procedure in PROCEDURES.values()]
    assert (kinds.count("query"), kinds.count("mutation")) == (26, 36)
    assert sum(procedure.public for procedure in PROCEDURES.values()) == 30


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


async def test_an_access_token_ends_by_the_clock() -> None:
    now = [1_700_000_000.0]
    async with DemoTutor(SECRET, wall=lambda: now[0]) as tutor:
        bearer = f"\r\nauthorization: Bearer {await token(tutor)}"
        assert (await get(tutor, "/api/trpc/user.getProfile", bearer))[0] == 200
        now[0] += 901
        assert (await get(tutor, "/api/trpc/user.getProfile", bearer))[0] == 401


async def test_tokens_are_as_the_real_ones(tutor: DemoTutor) -> None:
    _, answer = await post(tutor, "/api/trpc/auth.login", LOGIN)
    pair = answer["result"]["data"]["json"]
    access = hs256.verify(pair["accessToken"], SECRET, 0)
    assert access is not None
    assert (set(access), access["type"], len(access["sub"]), len(access["sid"])) == (
        {"sub", "sid", "type", "expInSec", "iat", "exp"}, "access", 32, 32)  # fmt: skip
    refresh = {"json": {"refreshToken": pair["refreshToken"]}}
    _, answer = await post(tutor, "/api/trpc/auth.refreshToken", refresh)
    renewed = answer["result"]["data"]["json"]["accessToken"]
    assert "sid" not in (hs256.verify(renewed, SECRET, 0) or {})
    bearer = f"\r\nauthorization: Bearer {pair['accessToken']}"
    assert (await post(tutor, "/api/trpc/auth.logout", {}, bearer))[0] == 200
    assert (await post(tutor, "/api/trpc/auth.refreshToken", refresh))[0] == 401
    assert (await get(tutor, "/api/trpc/user.get", bearer))[0] == 200  # the access token lives on
    assert (await get(tutor, "/api/trpc/user.get", f"\r\nauthorization: Bearer {pair['refreshToken']}"))[0] == 401


async def test_a_life_of_an_account(tutor: DemoTutor) -> None:
    person = {"email": "bo@example.com", "password": "Weak", "displayName": "Bo", "name": "Bo B", "acceptedTerms": True}
    assert (await post(tutor, "/api/trpc/auth.signup", {"json": person}))[0] == 400
    assert (await post(tutor, "/api/trpc/auth.signup", {"json": person | {"password": "lowercase1!"}}))[0] == 400
    person["password"] = "Battery-staple-2"
    assert (await post(tutor, "/api/trpc/auth.signup", {"json": person | {"acceptedTerms": False}}))[0] == 400
    _, answer = await post(tutor, "/api/trpc/auth.signup", {"json": person})
    bearer = f"\r\nauthorization: Bearer {answer['result']['data']['json']['accessToken']}"
    assert (await post(tutor, "/api/trpc/auth.signup", {"json": person}))[0] == 400  # taken by now
    _, answer = await post(tutor, "/api/trpc/auth.updateProfile", {"json": {"displayName": "Boo", "bio": "x"}}, bearer)
    assert answer["result"]["data"]["json"]["displayName"] == "Boo"
    change = {"currentPassword": "Battery-staple-2", "newPassword": "Another-one-3", "confirmPassword": "Another-one-3"}
    assert (await post(tutor, "/api/trpc/auth.changePassword", {"json": change}, bearer))[0] == 200
    assert (await post(tutor, "/api/trpc/auth.changePassword", {"json": change}, bearer))[0] == 400
    reset = {"email": "bo@example.com", "code": "######", "password": "Taken-over-4"}  # any six characters will do
    assert (await post(tutor, "/api/trpc/auth.resetPassword", {"json": reset}))[0] == 200
    assert (await post(tutor, "/api/trpc/auth.resetPassword", {"json": reset | {"code": "1"}}))[0] == 400
    login = {"json": {"email": "bo@example.com", "password": "Taken-over-4"}}
    assert (await post(tutor, "/api/trpc/auth.login", login))[0] == 200
    delete = {"json": {"password": "Taken-over-4", "confirmation": "DELETE"}}
    assert (
        await post(
            tutor,
            "/api/trpc/auth.deleteAccount",
            delete | {"json": {"password": "x", "confirmation": "DELETE"}},
            bearer,
        )
    )[0] == 400
    assert (await post(tutor, "/api/trpc/auth.deleteAccount", delete, bearer))[0] == 200
    assert (await post(tutor, "/api/trpc/auth.login", login))[0] == 401


_INPUTS = {
    "string": "x", "email": "x@example.com", "url": "https://example.com/", "boolean": True, "number": 5,
    "uuid": "3f0f7a52-6a1c-4d3c-9a53-0c1b8f7f6a10", "list": ["x"], "record": {},
}  # fmt: skip


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


async def test_an_unknown_lesson_is_a_plain_500(tutor: DemoTutor) -> None:
    status, _, _ = await get(tutor, "/api/trpc/lessons.getById?input=" + quote('{"json":{"id":"none"}}'))
    assert status == 500
