"""Witnesses are confirmed by both sides, take a bounded time, and what has none says why."""

from __future__ import annotations

import itertools

import pytest

from gateway.review.diff.witness import find
from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.request import DryRequest
from tests.review.diff.written import NOON, POLICIES, Compare

ROUTES = """
defaults: {auth: token, cors: app, body: json, rate_limits: [calls]}
routes:
  - {name: one, paths: [/one], upstream: files, schema: {none: "a test"}}
  - {name: two, paths: [/two], upstream: files, schema: {none: "a test"}}
"""


def test_each_route_of_a_change_has_one_that_both_sides_confirm(compare: Compare) -> None:
    old, new = compare.side(ROUTES), compare.side(ROUTES.replace("auth: token", "auth: public"))
    (change,) = compare(old, new, witnesses=True)
    assert set(change.witnesses) == {"one", "two"}
    for route, witness in change.witnesses.items():
        request = DryRequest(witness.method, witness.target, witness.headers, witness.body, witness.address)
        verdicts = [DryRun(side, at=NOON).run(request) for side in (old, new)]
        assert [outcome.verdict for outcome in verdicts] == [witness.before, witness.after] == ["token_missing", "pass"]
        assert verdicts[1].route == route


def test_what_refuses_nothing_says_so(compare: Compare) -> None:
    changes = compare(ROUTES, ROUTES.replace("paths: [/one]", "paths: [/one], rewrite: /admin"), witnesses=True)
    assert [change.unwitnessed for change in changes] == [find.NOTHING_REFUSED]


def test_what_another_policy_refuses_anyway_says_so(compare: Compare) -> None:
    text = ROUTES.replace("rate_limits: [calls]", "rate_limits: [calls, tries]")
    new = compare.side(text, POLICIES.replace("60/minute", "61/minute"))
    assert {change.unwitnessed for change in compare(text, new, witnesses=True)} == {find.NOT_FOUND}


def test_the_most_dangerous_has_the_time_that_there_is(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    monkeypatch.setattr("gateway.review.diff.witness.find.SECONDS", 6)
    monkeypatch.setattr("gateway.review.diff.witness.find.thread_time", lambda: float(next(ticks)))
    monkeypatch.setattr("gateway.review.diff.witness.find._EACH", 100)
    new = compare.side(ROUTES.replace("auth: token", "auth: public"), POLICIES.replace("60/minute", "600/minute"))
    changes = compare(ROUTES, new, witnesses=True)
    assert changes[0].witnesses
    assert changes[-1].unwitnessed == find.NOT_TRIED
