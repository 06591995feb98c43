"""Which routes take a password or a code, by their names, their inputs and their neighbours; and which only read like it."""

from __future__ import annotations

import pytest

from gateway.review.lint.sign_in import words_of
from tests.review.lint.configurations import Judged

ROUTE = "routes: [{name: route, paths: [PATH], methods: [POST], upstream: tutor, auth: public}]"
CALL = "routes: [{name: route, procedures: [CALL], methods: [POST], upstream: tutor, auth: public, batch: deny}]"


def test_words() -> None:
    for name in ("signIn", "sign-in", "sign_in", "SignIn", "SIGN_IN"):
        assert words_of(name) == ["sign", "in"], name
    assert words_of("verify2FACode")[:1] == ["verify"] and words_of("loginWithOTP") == ["login", "with", "otp"]


@pytest.mark.parametrize(
    "name",
    [
        "members.login",
        "auth.signIn",
        "users.authenticate",
        "auth.verifyEmail",
        "auth.confirmCode",
        "auth.resetPassword",
        "me.changePassword",
        "auth.loginWithGoogle",
        "vault.unlock",
        "account.verifyOtp",
        "auth.checkPin",
    ],
)
def test_procedures_that_take_what_can_be_guessed(name: str, judged: Judged) -> None:
    assert [one.id for one in judged(CALL.replace("CALL", name))] == ["sign-in-without-lockout"]


@pytest.mark.parametrize(
    "name",
    [
        "auth.signUp",
        "auth.register",
        "auth.logout",
        "auth.signOut",
        "auth.requestPasswordReset",
        "auth.sendCode",
        "auth.resendOtp",
        "auth.loginStatus",
        "auth.getCurrentUser",
        "courses.getAll",
        "dialogue.startSession",
        "blog.list",
        "chat.sendMessage",
        "admin.createLogin",
        "catalog.login_options",
    ],
)
def test_procedures_that_do_not(name: str, judged: Judged) -> None:
    assert judged(CALL.replace("CALL", name)) == []


@pytest.mark.parametrize(
    "path", ["/login", "/api/v2/sign-in", "/oauth/token", "/login/", "/auth/verify-code", "/Account/LogOn"]
)
def test_paths_that_take_what_can_be_guessed(path: str, judged: Judged) -> None:
    assert [one.id for one in judged(ROUTE.replace("PATH", path))] == ["sign-in-without-lockout"]


@pytest.mark.parametrize("path", ["/signup", "/blog/inside", "/api/info", "/in", "/logs", "/plugin", "/api/signals"])
def test_paths_that_do_not(path: str, judged: Judged) -> None:
    assert judged(ROUTE.replace("PATH", path)) == []


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ('{"properties": {"password": {}}}', True),
        ('{"properties": {"user": {"properties": {"currentPassword": {}}}}}', True),
        ('{"$defs": {"a": {"properties": {"pin": {}}}}, "$ref": "#/$defs/a"}', True),
        ('{"properties": {"phone": {}, "verification_code": {}}}', True),
        ('{"properties": {"code": {}, "language": {}}}', False),
        ('{"properties": {"spin": {}, "compass": {}, "user": {}}}', False),
        ('{"enum": ["password"]}', False),
        ("true", False),
    ],
)
def test_by_the_members_of_the_input(schema: str, found: bool, judged: Judged) -> None:
    for edit, stem in ((CALL.replace("CALL", "x.go"), "x__go"), (ROUTE.replace("PATH", "/go"), "route")):
        assert bool(judged(edit, **{stem: schema})) is found
    wild = CALL.replace("[CALL]", "[x.*]").replace("auth: public", "auth: token")
    assert bool(judged(wild, x__go=schema)) is found


def test_a_password_of_a_new_account_is_no_guess_and_one_of_a_new_session_is(judged: Judged) -> None:
    schema = '{"properties": {"password": {}}}'
    assert judged(CALL.replace("CALL", "users.create"), users__create=schema) == []
    assert judged(CALL.replace("CALL", "session.create"), session__create=schema) != []
