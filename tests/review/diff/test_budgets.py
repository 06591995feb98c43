"""Limits of one name share one budget: two of them let twice as much through."""

from __future__ import annotations

from tests.review.diff.written import POLICIES, Compare, short

ROUTES = """
defaults: {auth: public, body: json}
routes:
  - {name: one, paths: [/one], upstream: files, rate_limits: [tries], schema: {none: "a test"}}
  - {name: two, paths: [/two], upstream: files, rate_limits: [tries], schema: {none: "a test"}}
"""
APART = POLICIES.replace("  tries:", "  others: {limit: 5/minute, key: [address]}\n  tries:")


def test_a_budget_that_is_split_loosens_and_one_that_is_merged_tightens(compare: Compare) -> None:
    old = compare.side(ROUTES)
    new = compare.side(
        ROUTES.replace(
            "[/two], upstream: files, rate_limits: [tries]", "[/two], upstream: files, rate_limits: [others]"
        ),
        APART,
    )
    (change,) = compare(old, new)
    assert short([change]) == [("loosens", "rate_limits.tries", "one,two")]
    assert (change.before, change.after) == ("one count for one, two", "others for two; tries for one")
    assert short(compare(new, old)) == [("tightens", "rate_limits.tries", "one,two")]


def test_a_key_with_the_route_in_it_has_a_budget_for_each_and_a_renamed_route_keeps_its_own(compare: Compare) -> None:
    policies = POLICIES.replace("limit: 5/minute, key: [address]", "limit: 5/minute, key: [address, route]")
    old = compare.side(ROUTES, policies)
    assert compare(old, compare.side(ROUTES.replace("name: two", "name: second"), policies)) == []
    split = ROUTES.replace("- {name: two, paths: [/two]", "- {name: two, paths: [/two], methods: [POST]").replace(
        "routes:",
        "routes:\n  - {name: more, paths: [/one], methods: [HEAD], upstream: files, auth: public, rate_limits: [tries]}",
    )
    assert ("loosens", "rate_limits.tries", "more,one") in short(compare(old, compare.side(split, policies)))


def test_a_limit_that_another_makes_superfluous_may_go(compare: Compare) -> None:
    both = ROUTES.replace("[tries]", "[tries, calls]")
    assert [effect for effect, _, _ in short(compare(both, ROUTES))] == ["changes", "changes"]
    assert [effect for effect, _, _ in short(compare(ROUTES, both))] == ["changes", "changes"]
    # but not where the stricter one counts less than it did
    one = both.replace(
        "[/two], upstream: files, rate_limits: [tries, calls]", "[/two], upstream: files, rate_limits: [calls]"
    )
    gone = one.replace("[tries, calls]", "[tries]")
    assert short(compare(one, gone))[0] == ("loosens", "routes.one.rate_limits", "one")
