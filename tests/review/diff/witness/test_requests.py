"""Requests that show who may come in now, and from which page."""

from __future__ import annotations

import pytest

from tests.review.diff.written import POLICIES, Compare, shown

ROUTES = """
defaults: {auth: token, cors: app, body: json}
routes:
  - {name: closed, paths: [/closed], auth: public, deny: "not yet"}
  - {name: one, paths: [/one], upstream: files, schema: {none: "a test"}}
"""


@pytest.mark.parametrize(
    ("old", "new", "setting", "reason"),
    [
        (
            'auth: public, deny: "not yet"',
            'upstream: files, schema: {none: "a test"}',
            "routes.closed.deny",
            "route_denied",
        ),
        ("/one]", "/one, /two]", "routes.one.paths", "no_route"),
        ("/one]", "/one], methods: [DELETE, GET]", "routes.one.methods", "method_not_allowed"),
        ("/one]", "/one], auth: public", "routes.one.auth", "token_missing"),
        ("/one]", "/one], mode: report, until: 2099-01-01", "routes.one.mode", "token_missing"),
    ],
)
def test_of_a_route(compare: Compare, old: str, new: str, setting: str, reason: str) -> None:
    assert shown(compare(ROUTES, ROUTES.replace(old, new), witnesses=True))[setting] == (reason, "pass")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("{kind: jwt", "{mode: report, until: 2099-01-01, kind: jwt", "token_missing"),
        ("require: {type: access}", "require: {}", "claim_refused"),
        ("require: {type: access}", "require: {type: other}", "claim_refused"),
        ('secret: "', 'issuer: me, secret: "', "token_invalid"),
        ('secret: "', 'scopes: [read], secret: "', "scope_missing"),
        ('secret: "', 'leeway: 0s, secret: "', "token_expired"),
    ],
)
def test_of_a_token(compare: Compare, old: str, new: str, reason: str) -> None:
    sides = POLICIES, POLICIES.replace(old, new)
    if "leeway" in new:
        sides = sides[1], sides[1].replace("0s", "60s")
    elif reason in ("token_invalid", "scope_missing"):
        sides = sides[1], sides[0]
    changes = compare(*(compare.side(ROUTES, side) for side in sides), witnesses=True)
    assert (reason, "pass") in shown(changes).values()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"https://app.example"', '"https://app.example", "https://*.other.example"', "origin_refused"),
        ('"https://app.example"', '"https://app.example", "*"', "origin_refused"),
        ("no_origin: refuse", "no_origin: allow", "origin_refused"),
        ("no_origin: refuse", "no_origin: refuse, mode: report, until: 2099-01-01", "origin_refused"),
        (
            "preflight: refuse, methods: [GET, POST]",
            "preflight: refuse, methods: [GET, POST, DELETE]",
            "preflight_refused",
        ),
    ],
)
def test_of_a_page(compare: Compare, old: str, new: str, reason: str) -> None:
    routes = ROUTES.replace("/one]", "/one], methods: [GET, DELETE]")
    policies = POLICIES.replace("no_origin: allow", "no_origin: refuse, preflight: refuse")
    before, after = compare.side(routes, policies), compare.side(routes, policies.replace(old, new))
    assert (reason, "pass") in shown(compare(before, after, witnesses=True)).values()
