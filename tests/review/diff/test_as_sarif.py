"""A review as SARIF: what opens is an error at its line, unless somebody answers for it."""

from __future__ import annotations

import json
from typing import Any

from gateway.policy.base.order import Effect
from gateway.review.diff.as_sarif import as_sarif
from tests.review.diff.reviews import ADA, change, review, witness


def _old(at: str) -> str:
    return f"old/{at}" if at else ""


def _new(at: str) -> str:
    return f"deploy/{at}"


def results(*changes: Any) -> list[dict[str, Any]]:
    log = json.loads(json.dumps(as_sarif(review(*changes), "1.0", _old, _new)))
    assert log["runs"][0]["tool"]["driver"]["version"] == "1.0"
    found: list[dict[str, Any]] = log["runs"][0]["results"]
    return found


def place(one: dict[str, Any]) -> tuple[str, int]:
    physical = one["locations"][0]["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"]


def test_each_effect_has_its_level_and_its_line() -> None:
    found = results(
        change(routes=("login",), witnesses={"login": witness(repeat=6)}),
        change(id="c13", acknowledged=ADA),
        change(Effect.CHANGES, id="c14", where_new=""),
        change(Effect.TIGHTENS, id="c15", where_new="", where_old=""),
    )
    assert [(one["ruleId"], one["level"]) for one in found] == [
        ("loosens", "error"),
        ("loosens", "error"),
        ("changes", "note"),
        ("tightens", "note"),
    ]
    assert [place(one) for one in found[:3]] == [
        ("deploy/policies/cors.yaml", 4),
        ("deploy/policies/cors.yaml", 4),
        ("old/policies/cors.yaml", 3),
    ]
    assert "locations" not in found[3]
    assert [one["partialFingerprints"]["gateway/v1"] for one in found] == ["c12", "c13", "c14", "c15"]
    assert "suppressions" not in found[0]
    assert found[1]["suppressions"][0]["justification"] == "ada until 2027-01-31: agreed in the meeting"
    assert "GET /a 6 times at once: no_route before, pass now." in found[0]["message"]["text"]
