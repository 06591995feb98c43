"""What the demo's procedures do: a whole life of an account, and the faults of the real tutor."""

from urllib.parse import quote

from gateway.demo.procedures import PROCEDURES
from gateway.demo.resolvers import RESOLVERS
from gateway.demo.tutor import DemoTutor
from tests.demo.talk import get, post, token


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


async def test_an_unknown_lesson_is_a_plain_500(tutor: DemoTutor) -> None:
    status, _, _ = await get(tutor, "/api/trpc/lessons.getById?input=" + quote('{"json":{"id":"none"}}'))
    assert status == 500


async def test_lessons_are_chosen_by_their_fields(tutor: DemoTutor) -> None:
    _, _, response = await get(tutor, "/api/trpc/lessons.getAll?input=" + quote('{"json":{"language":"es"}}'))
    assert [lesson["id"] for lesson in response["result"]["data"]["json"]] == ["es-greetings", "es-market"]


async def test_what_nobody_tries_first_is_an_echo(tutor: DemoTutor) -> None:
    bearer = f"\r\nauthorization: Bearer {await token(tutor)}"
    status, response = await post(tutor, "/api/trpc/analytics.track", {"json": {"event": "seen"}}, bearer)
    assert status == 200
    assert response["result"]["data"]["json"] == {"procedure": "analytics.trackEvent", "input": {"event": "seen"}}


def test_every_resolver_is_of_a_procedure_and_none_of_an_alias() -> None:
    assert [name for name in RESOLVERS if PROCEDURES[name].name != name] == []
