"""How results of policy tests are shown."""

from __future__ import annotations

from gateway.cli.tested import coverage_as_dict, coverage_lines, too_little, unknown_test
from gateway.config.tree import Position
from gateway.review.policy_tests.coverage import CoveredPart, PolicyCoverage
from gateway.review.policy_tests.files import PolicyTest

NONE = CoveredPart((), ())
SOME = PolicyCoverage(
    routes=CoveredPart(("a", "b"), ("b",)),
    targets=CoveredPart(("a /x", "a /y", "b /z"), ("a /y", "b /z")),
    policies=CoveredPart(("auth.token", "bodies.json"), ("bodies.json",)),
    reasons=CoveredPart(("no_route", "token_missing", "token_expired"), ("no_route", "token_expired")),
    settings=CoveredPart(("auth.token token_expired", "bodies.json body_too_large"), ("auth.token token_expired", "bodies.json body_too_large")),
)  # fmt: skip


def test_what_no_test_touches_is_named_once() -> None:
    assert list(coverage_lines(SOME)) == [
        "tested: 1 of 2 routes, 1 of 2 policies, 1 of 3 reasons, 1 of 3 targets, 0 of 2 settings",
        "  routes that no test touches: b",
        "  policies that no test touches: bodies.json",
        "  reasons that no test touches: no_route, token_expired",
        "  targets that no test touches: a /y",
        "  settings that no test touches: auth.token token_expired",
    ]


def test_each_part_has_to_reach_what_is_asked() -> None:
    assert list(too_little(SOME, 50)) == ["33.3 % of the reasons"]
    assert list(too_little(SOME, 50.1)) == ["50 % of the routes", "50 % of the policies", "33.3 % of the reasons"]
    assert list(too_little(SOME, 0)) == []
    assert list(too_little(PolicyCoverage(NONE, NONE, NONE, NONE, NONE), 100)) == []


def test_programs_get_every_part() -> None:
    found = coverage_as_dict(SOME)
    assert list(found) == ["routes", "policies", "reasons", "targets", "settings"]
    assert found["settings"]["missing"] == ["auth.token token_expired", "bodies.json body_too_large"]


def test_a_name_that_is_nearly_right_is_shown() -> None:
    tests = [PolicyTest("the third is too many", Position("a.yaml", 1, 1), None, ())]
    assert unknown_test("the thirt is too many", tests) == (
        "no test has the thirt is too many in its name; did you mean the third is too many?"
    )
