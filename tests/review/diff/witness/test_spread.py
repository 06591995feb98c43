"""Requests that use up one limit beside tighter ones."""

from __future__ import annotations

import pytest

from tests.review.diff.written import Compare

LIMITS = """
rate_limits:
  calls: {limit: 60/minute, key: [address]}
  tries: {limit: 5/minute, key: [address]}
  each: {limit: 5/minute, key: [address, "input:/email"]}
  area: {limit: 20/minute, key: [network]}
bodies:
  json: {max: 1KiB, types: [application/json]}
"""
TIGHTER = """
defaults: {auth: public, body: json, rate_limits: [calls]}
routes:
  - {name: all, procedures: [all.get], methods: [POST], upstream: api, schema: {none: "a test"}}
  - {name: login, procedures: [auth.login], methods: [POST], upstream: api, rate_limits: [calls, tries, each, area], schema: {none: "a test"}}
"""


@pytest.mark.parametrize(
    ("old", "new", "others"),
    [
        ("tries: {limit: 5/", "tries: {limit: 50/", [(7, 5)]),
        ("area: {limit: 20/", "area: {limit: 40/", [(7 + part, 5) for part in range(4)]),
        ("key: [network]", "key: [address]", [(7 + part, 5) for part in range(4)]),
        ("[calls, tries, each, area]", "[tries, each, area]", [(7, 60)]),
        ("[calls, tries, each, area]", "[calls, tries, each]", [(7 + part, 5) for part in range(4)]),
    ],
)
def test_of_a_limit_beside_tighter_ones(compare: Compare, old: str, new: str, others: list[tuple[int, int]]) -> None:
    """They count apart what it counts together, or another route shares its budget and is without them."""
    after = compare.side(TIGHTER.replace(old, new), LIMITS.replace(old, new))
    for change in compare(compare.side(TIGHTER, LIMITS), after, witnesses=True):
        shown_by = change.witnesses["login"]
        assert (shown_by.before, shown_by.after) == ("rate_limited", "pass")
        assert [(int(each.address.rpartition(".")[2]), each.repeat) for each in shown_by.earlier] == others
