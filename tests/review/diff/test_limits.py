"""Rate limits as sets: each old one needs a new one that is at least as strict."""

from __future__ import annotations

import pytest

from tests.review.diff.written import POLICIES, Compare, short

ROUTES = """
defaults: {auth: public, body: json}
routes:
  - {name: one, paths: [/one], upstream: files, rate_limits: [LIMITS], schema: {none: "a test"}}
"""


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("tries", "", [("loosens", "routes.one.rate_limits", "one")]),
        ("", "tries", [("tightens", "routes.one.rate_limits", "one")]),
        ("tries, calls", "calls, tries", []),
        (
            "tries",
            "stricter",
            [("tightens", "routes.one.rate_limits.burst", "one"), ("tightens", "routes.one.rate_limits.limit", "one")],
        ),
        (
            "tries",
            "nets",
            [("tightens", "routes.one.rate_limits.key", "one")],
        ),
        (
            "nets",
            "wide",
            [("loosens", "routes.one.rate_limits", "one"), ("tightens", "routes.one.rate_limits", "one")],
        ),
    ],
)
def test_pairs(compare: Compare, before: str, after: str, expected: list[tuple[str, str, str]]) -> None:
    policies = POLICIES.replace(
        "  tries:",
        "  stricter: {limit: 4/minute, key: [address]}\n"
        "  nets: {limit: 5/minute, key: [network]}\n"
        '  wide: {limit: 2/minute, key: ["header:x-session-id"]}\n'
        "  tries:",
    )
    old, new = (compare.side(ROUTES.replace("LIMITS", names), policies) for names in (before, after))
    assert short(compare(old, new)) == expected


def test_a_limit_that_only_counts_comes_and_goes_without_effect(compare: Compare) -> None:
    reporting = POLICIES.replace("{limit: 5/minute", "{mode: report, until: 2099-01-01, limit: 5/minute")
    old, new = (compare.side(ROUTES.replace("LIMITS", names), reporting) for names in ("tries", ""))
    assert short(compare(old, new)) == [("changes", "routes.one.rate_limits", "one")]
    assert short(compare(new, old)) == [("changes", "routes.one.rate_limits", "one")]


@pytest.mark.parametrize(
    ("left", "sentence"),
    [
        ("", "No limit is left on these requests."),
        ("each, calls", "What is left: 20 requests a minute for each user; 60 requests a minute for each address."),
    ],
)
def test_of_a_limit_that_is_gone_it_is_said_what_is_left(compare: Compare, left: str, sentence: str) -> None:
    routes = ROUTES.replace("auth: public", "auth: token")
    old = routes.replace("LIMITS", f"tries, {left}" if left else "tries")
    (change,) = compare(old, routes.replace("LIMITS", left))
    assert change.why == f"A limit is gone: before, 5 requests a minute for each address. {sentence}"
