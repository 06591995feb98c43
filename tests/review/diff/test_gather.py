"""Policies of routes: each difference once, with all its routes, and nothing where only names, files or defaults differ."""

from __future__ import annotations

import pytest

from tests.review.diff.written import POLICIES, Compare, short

ROUTES = """
defaults: {auth: token, cors: app, body: json, rate_limits: [calls]}
routes:
  - {name: one, paths: [/one], upstream: files, schema: {none: "a test"}}
  - {name: two, paths: [/two], upstream: files, schema: {none: "a test"}}
  - {name: all, paths: [/*], upstream: files, auth: public, schema: {none: "a test"}}
"""


@pytest.mark.parametrize(
    ("text", "policies"),
    [
        pytest.param(
            ROUTES.replace("auth: token, cors: app, ", "cors: app, auth: token, ").replace(
                "- {name: one, paths: [/one]", "- {paths: [/one], name: one"
            ),
            POLICIES,
            id="keys in another sequence",
        ),
        pytest.param(
            ROUTES.replace("rate_limits: [calls]", "rate_limits: [visits]"),
            POLICIES.replace("  calls:", "  visits:"),
            id="another name of a limit",
        ),
        pytest.param(
            ROUTES.replace("auth: token", "auth: access"),
            POLICIES.replace("  token:", "  access:"),
            id="another name of who may come in",
        ),
        pytest.param(
            ROUTES.replace("cors: app, ", "").replace("upstream: files", "upstream: files, cors: app"),
            POLICIES,
            id="a default that each route names itself",
        ),
        pytest.param(
            "\n".join(
                [*ROUTES.splitlines()[:3], ROUTES.splitlines()[4], ROUTES.splitlines()[3], ROUTES.splitlines()[5]]
            ),
            POLICIES,
            id="routes in a sequence that changes nothing",
        ),
        pytest.param(
            ROUTES.replace("name: one", "name: first"),
            POLICIES,
            id="another name of a route",
        ),
        pytest.param(
            ROUTES.replace("/one]", "/one], methods: [GET]"),
            POLICIES.replace("[GET, POST]", "[POST, GET]"),
            id="what would be there anyway",
        ),
        pytest.param(ROUTES, POLICIES + "bodies_of_nobody: {}\n" * 0 + "\n\n# a comment\n", id="a comment"),
    ],
)
def test_nothing_is_shown_of_what_changes_nothing(compare: Compare, text: str, policies: str) -> None:
    old, new = compare.side(ROUTES), compare.side(text, policies)
    assert compare(old, new) == []
    assert compare(new, old) == []


def test_one_policy_of_many_routes_is_one_change(compare: Compare) -> None:
    new = compare.side(ROUTES, POLICIES.replace("60/minute", "61/minute"))
    assert ("loosens", "rate_limits.calls.limit", "one,two,all") in short(compare(ROUTES, new))


def test_another_default_is_one_change_of_the_routes_that_have_it(compare: Compare) -> None:
    assert short(compare(ROUTES, ROUTES.replace("auth: token,", "auth: public,"))) == [
        ("loosens", "defaults.auth", "one,two"),
        ("loosens", "routes.all.paths", "all"),  # which takes /ONE too, now that /one is guarded no better
    ]


def test_a_policy_of_one_route(compare: Compare) -> None:
    new = ROUTES.replace("[/one], upstream: files", "[/one], upstream: files, auth: public")
    change = compare(ROUTES, new)[0]
    assert short([change]) == [("loosens", "routes.one.auth", "one")]
    assert (change.before, change.after) == ("token", "public")
    assert [at.rpartition(":")[2] for at in (change.where_old, change.where_new)] == ["8", "10"]


WIDE = '  - {name: wide, paths: [/a/*], methods: [GET], upstream: files, auth: token, schema: {none: "a test"}}\n'
OPEN = '  - {name: open, paths: [/a/open/*], methods: [GET, POST], upstream: files, auth: public, schema: {none: "a test"}}\n'


def test_a_route_that_moves_above_another_says_which_requests_go_where_now(compare: Compare) -> None:
    head = "defaults: {body: json}\nroutes:\n"
    change = compare(head + WIDE + OPEN, head + OPEN + WIDE)[0]
    assert short([change]) == [("loosens", "routes.open.auth", "open")]
    assert change.why == (
        "Anybody, without a token, may now read `/a/open/*`; before, a token of `token` was needed."
        " Because route `open` now stands before `wide` (lines 9 and 10)."
    )
    assert (change.before, change.after) == ("token (route wide)", "public (route open)")
    assert short(compare(head + OPEN + WIDE, head + WIDE + OPEN))[-1] == ("tightens", "routes.wide.auth", "wide")


def test_a_renamed_policy_shows_its_change_and_not_its_name(compare: Compare) -> None:
    new = compare.side(
        ROUTES.replace("[calls]", "[visits]"), POLICIES.replace("  calls: {limit: 60", "  visits: {limit: 61")
    )
    assert ("loosens", "rate_limits.visits.limit", "one,two,all") in short(compare(ROUTES, new))


def test_a_policy_that_only_reports_is_none(compare: Compare) -> None:
    reporting = POLICIES.replace("{kind: jwt", "{mode: report, until: 2099-01-01, kind: jwt")
    old, new = compare.side(ROUTES), compare.side(ROUTES, reporting)
    assert short(compare(old, new)) == [("loosens", "auth.token.mode", "one,two")]
    assert short(compare(new, old)) == [("tightens", "auth.token.mode", "one,two")]


def test_what_is_set_in_a_policy_that_only_reports_lets_nothing_pass(compare: Compare) -> None:
    reporting = POLICIES.replace("{limit: 60/minute", "{mode: report, until: 2099-01-01, limit: 60/minute")
    old, new = compare.side(ROUTES, reporting), compare.side(ROUTES, reporting.replace("60/minute", "61/minute"))
    assert {effect for effect, _, _ in short(compare(old, new))} == {"changes"}


def test_a_day_that_is_over_is_as_if_nothing_reported(compare: Compare) -> None:
    over = POLICIES.replace("{kind: jwt", "{mode: report, until: 2020-01-01, kind: jwt")
    assert compare(ROUTES, compare.side(ROUTES, over)) == []
