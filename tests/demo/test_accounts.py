"""The tutor's accounts: their ids, and tokens as the real ones are."""

from gateway.demo import hs256
from gateway.demo.accounts import ADA_EMAIL, ADA_PASSWORD, Accounts, user_id
from gateway.demo.tutor import DemoTutor
from tests.demo.talk import LOGIN, SECRET, get, post, token


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


def test_an_id_is_the_same_in_every_run_and_for_every_spelling() -> None:
    assert user_id("ADA@example.com") == user_id(ADA_EMAIL)
    assert len(user_id(ADA_EMAIL)) == 32


def test_an_account_never_shows_its_password() -> None:
    ada = Accounts(SECRET, lambda: 0.0).by_email(ADA_EMAIL.upper())
    assert ada is not None
    assert ADA_PASSWORD not in str(ada.public())


def test_an_unknown_subject_gets_an_account_for_one_call() -> None:
    accounts = Accounts(SECRET, lambda: 0.0)
    assert accounts.by_id("somebody").email == "somebody@example.com"
    assert accounts.by_email("somebody@example.com") is None


async def test_tokens_of_the_secret_before_are_good_while_it_changes_and_new_ones_are_of_the_new_one() -> None:
    async with DemoTutor(SECRET) as before:
        _, answer = await post(before, "/api/trpc/auth.login", LOGIN)
        pair = answer["result"]["data"]["json"]
    new = "another secret of the demo, 32 bytes"
    for old_secret, expected in ((SECRET, 200), ("", 401)):
        async with DemoTutor(new, old_secret=old_secret) as tutor:
            bearer = f"\r\nauthorization: Bearer {pair['accessToken']}"
            assert (await get(tutor, "/api/trpc/user.getProfile", bearer))[0] == expected
            refresh = {"json": {"refreshToken": pair["refreshToken"]}}
            code, answer = await post(tutor, "/api/trpc/auth.refreshToken", refresh)
            assert code == expected
            if code == 200:
                assert hs256.verify(answer["result"]["data"]["json"]["accessToken"], new, 0)
