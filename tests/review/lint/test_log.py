"""A check as SARIF: each result has its rule, its level, its line, and who answers for it."""

from __future__ import annotations

from typing import Any, cast

from gateway.config.acknowledgements import Acknowledgement
from gateway.config.problem import Problem
from gateway.config.tree import Position
from gateway.policy.base.settings import Policy
from gateway.review.lint.finding import Finding, Severity
from gateway.review.lint.findings import ALL_RULES
from gateway.review.lint.log import as_sarif

UNTIL = Policy.model_validate({"until": "2027-01-31"}).until
ACCEPTED = Acknowledgement(None, "leeway-long", "Ada", "so it is", cast(Any, UNTIL), Position("a.yaml", 1, 1))
PROBLEM = Problem("a.yaml", 3, 5, "ops.token", "is missing", "set one")


def run_of(*found: Finding, **more: list[Problem]) -> dict[str, Any]:
    made = cast(dict[str, Any], as_sarif("1.2.3", found, **more))
    ran: dict[str, Any] = made["runs"][0]
    return ran


def finding(severity: Severity, accepted: Acknowledgement | None = None) -> Finding:
    return Finding(
        "leeway-long", severity, "a.yaml:7", "auth.x", "is long", "Long", "They wait.", "shorten it", accepted
    )


def test_every_rule_is_in_the_log() -> None:
    rules = {rule["id"] for rule in run_of()["tool"]["driver"]["rules"]}
    assert rules == {rule.id for rule in ALL_RULES} | {"configuration-problem", "configuration-warning"}


def test_levels_and_places() -> None:
    results = run_of(*map(finding, Severity), warnings=[PROBLEM], problems=[PROBLEM])["results"]
    assert [one["level"] for one in results] == ["error", "warning", "error", "warning", "note"]
    regions = [one["locations"][0]["physicalLocation"]["region"] for one in results]
    assert regions[0] == {"startLine": 3, "startColumn": 5} and regions[2] == {"startLine": 7}
    assert results[0]["message"]["text"] == "ops.token  is missing  set one"
    assert results[2]["message"]["text"] == "auth.x is long. They wait. To mend it, shorten it."


def test_a_finding_is_the_same_one_in_another_line() -> None:
    first, second = run_of(finding(Severity.LOW), finding(Severity.HIGH))["results"]
    assert first["partialFingerprints"] == second["partialFingerprints"]


def test_who_answers_for_it() -> None:
    (one,) = run_of(finding(Severity.LOW, ACCEPTED))["results"]
    assert one["suppressions"][0]["justification"] == "so it is (Ada, until 2027-01-31)"
