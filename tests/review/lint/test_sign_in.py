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


TAKE = (
    "members.login auth.signIn auth.verify users.authenticate auth.verifyEmail auth.confirmCode auth.resetPassword "
    "me.changePassword auth.loginWithGoogle vault.unlock account.verifyOtp auth.checkPin "
    "/login /api/v2/sign-in /oauth/token /login2/ /auth/verify-code /Account/LogOn "
    "/session /v1/sessions /api/auth /connect/token"
)
TAKE_NOT = (
    "auth.signUp auth.register auth.logout auth.signOut auth.requestPasswordReset auth.sendCode auth.resendOtp auth.loginStatus "
    "auth.getCurrentUser courses.getAll dialogue.startSession blog.list chat.sendMessage admin.createLogin catalog.login_options "
    "/signup /blog/inside /api/info /in /logs /plugin /api/signals /push/tokens /chat/sessions /login/page /me/login-history"
)


@pytest.mark.parametrize(
    ("names", "found"), [(TAKE, True), (TAKE_NOT, False)], ids=["those that do", "those that do not"]
)
def test_names_that_take_what_can_be_guessed(names: str, found: bool, judged: Judged) -> None:
    routes = []
    for number, name in enumerate(names.split()):
        takes = {"paths": [name]} if name[0] == "/" else {"procedures": [name], "batch": "deny"}
        routes.append({"name": f"r{number}", **takes, "methods": ["POST"], "upstream": "tutor", "auth": "public"})
    judgement = {one.path: one.id for one in judged({"routes": routes})}
    assert judgement == ({f"routes.{route['name']}": "sign-in-without-lockout" for route in routes} if found else {})


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ('{"properties": {"password": {}}}', True),
        ('{"properties": {"user": {"properties": {"currentPassword": {}}}}}', True),
        ('{"$defs": {"a": {"properties": {"pin": {}}}}, "$ref": "#/$defs/a"}', True),
        ('{"properties": {"phone": {}, "verification_code": {}}}', True),
        ('{"properties": {"user": {}, "pw": {}}}', True),
        ('{"properties": {"pinCode": {}}}', True),
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


def test_a_path_where_sessions_begin_by_its_schema_or_else_by_its_words(judged: Judged) -> None:
    begins = ROUTE.replace("PATH", "/v1/session")
    assert [one.id for one in judged(begins)] == ["sign-in-without-lockout"]
    assert judged(begins, route='{"properties": {"course": {}}}') == []
    assert [one.id for one in judged(begins, route='{"properties": {"password": {}}}')] == ["sign-in-without-lockout"]
    assert judged(begins.replace("auth: public", "auth: token")) == []


def test_the_page_with_the_form_is_no_try(judged: Judged) -> None:
    for path in ("/login", "/session", "/reset-password"):
        assert judged(ROUTE.replace("PATH", path).replace("POST", "GET")) == [], path
        both = judged(ROUTE.replace("PATH", path).replace("[POST]", "[GET, POST]"))
        assert [one.id for one in both] == ["sign-in-without-lockout"], path


def test_by_the_alias_of_a_procedure(judged: Judged) -> None:
    aliased = "upstreams: {tutor: {trpc: {aliases: {auth.signIn: door.open}}}}"
    assert judged(CALL.replace("CALL", "door.open")) == []
    (found,) = judged(aliased, CALL.replace("CALL", "door.open"))
    assert found.id == "sign-in-without-lockout" and "signIn" in found.sentence
