"""The demo reads a target as the real backend does, so that a test that sends an attack means something."""

import pytest

from gateway.demo.accounts import ADA_EMAIL
from gateway.demo.target import read_target
from gateway.demo.tutor import DemoTutor
from tests.demo.talk import LOGIN, post


@pytest.mark.parametrize(
    "target",
    [
        "/api/trpc/auth.login",
        "/api/trpc/auth%2Elogin",
        "/api/trpc/%61uth.login",
        "/api/trpc/auth.login/",
        "/api/trpc/auth.login//",
        "/api/trpc/./auth.login",
        "/api/trpc/x/../auth.login",
        "/api/trpc/x/%2e%2e/auth.login",
        "/api/x/../trpc/auth.login",
        "http://any.host/api/trpc/auth.login",
        "/api/trpc/auth.signin",
        "/api/trpc/auth.login?batch=0",
        "/api/trpc/auth.login?batch=true",
        "/api/trpc/auth.login?Batch=1",
        "/api/trpc/auth.login?batch=0&batch=1",
    ],
)
async def test_a_spelling_that_runs(tutor: DemoTutor, target: str) -> None:
    status, answer = await post(tutor, target, LOGIN)
    assert (status, tutor.counts["auth.login"]) == (200, 1)
    assert answer["result"]["data"]["json"]["user"]["email"] == ADA_EMAIL


@pytest.mark.parametrize(
    "target",
    ["auth.login,auth.login?batch=1", "auth.login%2Cauth.login?batch=1", "auth.login,auth.login?%62atch=1",
     "auth.signin,auth.login?batch=1&batch=0"],
)  # fmt: skip
async def test_a_batch_in_which_both_run(tutor: DemoTutor, target: str) -> None:
    status, answer = await post(tutor, "/api/trpc/" + target, {"0": LOGIN, "1": LOGIN})
    assert (status, len(answer), tutor.counts["auth.login"]) == (200, 2, 2)


@pytest.mark.parametrize("path", ["auth.login,", "x/,auth.login", "auth.login,%20auth.login"])
async def test_a_batch_in_which_the_good_one_runs(tutor: DemoTutor, path: str) -> None:
    status, answer = await post(tutor, f"/api/trpc/{path}?batch=1", {"0": LOGIN, "1": LOGIN})
    assert (status, len(answer), tutor.counts["auth.login"]) == (207, 2, 1)


@pytest.mark.parametrize(
    "target",
    ["/api/trpc//auth.login", "/API/trpc/auth.login", "/api/TRPC/auth.login", "/api/trpc/Auth.login",
     "/api/trpc/auth/login", "/api/trpc/auth%2Flogin", "/api/trpc/auth.login%00", "/api/trpc/auth%252Elogin",
     "/api/trpc/auth.login,auth.login", "/api/trpc/auth.login,auth.login?batch=true", "/api/trpc/", "/api/trpc"],
)  # fmt: skip
async def test_a_spelling_that_finds_nothing(tutor: DemoTutor, target: str) -> None:
    status, _ = await post(tutor, target, LOGIN)
    assert (status, dict(tutor.counts), tutor.requests) == (404, {}, 1)


@pytest.mark.parametrize("path", ["%ff", "%", "auth.login%"])
async def test_a_bad_escape_is_a_500_from_anyone(tutor: DemoTutor, path: str) -> None:
    status, answer = await post(tutor, f"/api/trpc/{path}", LOGIN)
    assert (status, answer["error"]["json"]["data"]["code"]) == (500, "INTERNAL_SERVER_ERROR")


async def test_commas_alone_are_six_calls(tutor: DemoTutor) -> None:
    status, answer = await post(tutor, "/api/trpc/,,,,,?batch=1", {})
    assert (status, len(answer)) == (404, 6)


@pytest.mark.parametrize(
    ("target", "path"),
    [("/a/b/..", "/a/"), ("/..", "/"), ("/a/.", "/a/"), ("/a\\b", "/a/b"), ("HTTP://h:1/x?y#z", "/x"), ("*", "/")],
)
def test_a_target_is_read_as_browsers_read_it(target: str, path: str) -> None:
    assert read_target(target)[0] == path
