"""Requests that were one too many, and are no longer."""

from __future__ import annotations

import pytest

from tests.review.diff.written import POLICIES, UPSTREAMS, Compare, shown

ROUTES = """
defaults: {auth: token, body: json}
routes:
  - {name: one, procedures: [one.get], methods: [POST], upstream: api, rate_limits: [tries], schema: {none: "a test"}}
  - {name: two, procedures: [two.get], methods: [POST], upstream: api, rate_limits: [tries], schema: {none: "a test"}}
  - {name: login, procedures: [auth.login], methods: [POST], upstream: api, auth: public, lockout: accounts, schema: {none: "a test"}}
"""


@pytest.mark.parametrize(
    ("old", "new", "setting"),
    [
        ("5/minute, key: [address]", "5/minute, burst: 6, key: [address]", "rate_limits.tries.burst"),
        ("5/minute, key: [address]", "10/minute, burst: 5, key: [address]", "rate_limits.tries.limit"),
        ("key: [address]}\n  each", "key: [address, route]}\n  each", "rate_limits.tries.key"),
        ("key: [address]}\n  each", 'key: [address, "header:x-session-id"]}\n  each', "rate_limits.tries.key"),
        ("key: [address]}\n  each", "key: [principal]}\n  each", "rate_limits.tries.key"),
        ("{limit: 5/minute", "{mode: report, until: 2099-01-01, limit: 5/minute", "rate_limits.tries.mode"),
    ],
)
def test_of_a_limit(compare: Compare, old: str, new: str, setting: str) -> None:
    before, after = compare.side(ROUTES), compare.side(ROUTES, POLICIES.replace(old, new))
    assert shown(compare(before, after, witnesses=True))[setting] == ("rate_limited", "pass")


def test_of_a_limit_that_is_gone_and_of_a_budget_that_is_split(compare: Compare) -> None:
    gone = compare.side(ROUTES.replace("rate_limits: [tries], ", "", 1))
    assert shown(compare(ROUTES, gone, witnesses=True)) == {"routes.one.rate_limits": ("rate_limited", "pass")}
    apart = POLICIES.replace("  tries:", "  others: {limit: 5/minute, key: [address]}\n  tries:")
    split = compare.side(ROUTES.replace("[tries]", "[others]", 1), apart)
    (change,) = compare(compare.side(ROUTES), split, witnesses=True)
    assert {(each.before, each.after) for each in change.witnesses.values()} == {("rate_limited", "pass")}
    assert [each.earlier[0].repeat for each in change.witnesses.values()] == [5, 5]


def test_a_larger_burst_is_shown_by_more_of_the_same_although_the_key_is_finer_too(compare: Compare) -> None:
    finer = POLICIES.replace("5/minute, key: [address]", '5/minute, burst: 6, key: [address, "header:x-session-id"]')
    changes = {change.setting: change for change in compare(ROUTES, compare.side(ROUTES, finer), witnesses=True)}
    assert {each.repeat for each in changes["rate_limits.tries.burst"].witnesses.values()} == {6}
    assert {each.repeat for each in changes["rate_limits.tries.key"].witnesses.values()} == {1}


BREAKER = """
breakers:
  external: {failures: 3, recover_after: 1m}
"""


def test_of_a_breaker_that_an_upstream_no_longer_names(compare: Compare) -> None:
    before = UPSTREAMS.replace("files: {", "files: {breaker: external, ")
    route = (
        'routes: [{name: one, paths: [/one], methods: [GET], upstream: files, auth: public, schema: {none: "a test"}}]'
    )
    sides = [compare.side(route, BREAKER, upstreams) for upstreams in (before, UPSTREAMS)]
    assert shown(compare(*sides, witnesses=True)) == {"upstreams.files.breaker": ("upstream_resting", "pass")}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("failures: 3", "failures: 4"),
        ("on_status: [401]", "on_status: [403]"),
        ("lock_for: 1h", "lock_for: 5m"),
        ("within: 15m", "within: 5m"),
        ("{account: /email", "{mode: report, until: 2099-01-01, account: /email"),
    ],
)
def test_of_a_lockout(compare: Compare, old: str, new: str) -> None:
    before, after = compare.side(ROUTES), compare.side(ROUTES, POLICIES.replace(old, new))
    assert ("account_locked", "pass") in shown(compare(before, after, witnesses=True)).values()
