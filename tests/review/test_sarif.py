"""SARIF as code hosts read it: a rule for each result, files as URIs, nothing of the files taken for a link."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.review.sarif import Level, SarifResult, SarifRule, sarif

RULES = [SarifRule("loosens", "A door opens.", "Close it."), SarifRule("tightens", "A door closes.")]


def results(*found: SarifResult) -> list[dict[str, Any]]:
    log = json.loads(json.dumps(sarif("1.0", RULES, found)))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    assert log["$schema"].endswith("sarif-2.1.0.json")
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["loosens", "tightens"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])
    assert all(one["message"]["text"] for one in run["results"])
    found_results: list[dict[str, Any]] = run["results"]
    return found_results


def test_a_result_has_its_rule_its_line_and_a_fingerprint() -> None:
    (one,) = results(SarifResult("tightens", Level.NOTE, "less passes", "policies/auth.yaml:12:3", "abc"))
    assert (one["ruleId"], one["level"], one["message"]) == ("tightens", "note", {"text": "less passes"})
    physical = one["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": "policies/auth.yaml", "uriBaseId": "%SRCROOT%"}
    assert physical["region"] == {"startLine": 12, "startColumn": 3}
    assert one["partialFingerprints"] == {"gateway/v1": "abc"}
    assert "suppressions" not in one


def test_no_result_is_a_log_of_none() -> None:
    assert results() == []


def test_what_is_accepted_is_suppressed_and_says_why() -> None:
    (one,) = results(SarifResult("loosens", Level.ERROR, "m", "a.yaml:1", "f", "ada until 2027-01-31: agreed"))
    assert one["suppressions"] == [
        {"kind": "inSource", "status": "accepted", "justification": "ada until 2027-01-31: agreed"}
    ]


@pytest.mark.parametrize(
    ("where", "uri", "region"),
    [
        ("a.yaml:7", "a.yaml", {"startLine": 7}),
        ("a.yaml", "a.yaml", {"startLine": 1}),
        ("a.yaml:0:0", "a.yaml", {"startLine": 1, "startColumn": 1}),
        ("javascript:x.yaml:7", "javascript%3Ax.yaml", {"startLine": 7}),
        ("a b#c?d%.yaml:7", "a%20b%23c%3Fd%25.yaml", {"startLine": 7}),
        ("ü.yaml:7", "%C3%BC.yaml", {"startLine": 7}),
        ("bad\udcff.yaml:7", "bad%FF.yaml", {"startLine": 7}),
        ("/etc/g.yaml:7", "file:///etc/g.yaml", {"startLine": 7}),
        ("12:7", "12", {"startLine": 7}),
    ],
)
def test_a_file_is_a_uri(where: str, uri: str, region: dict[str, int]) -> None:
    (one,) = results(SarifResult("loosens", Level.ERROR, "m", where))
    physical = one["locations"][0]["physicalLocation"]
    assert (physical["artifactLocation"]["uri"], physical["region"]) == (uri, region)
    assert ("uriBaseId" in physical["artifactLocation"]) == (not where.startswith("/"))


def test_what_is_nowhere_has_no_location() -> None:
    (one,) = results(SarifResult("loosens", Level.ERROR, "m", ""))
    assert "locations" not in one


def test_a_name_that_looks_like_a_link_is_none() -> None:
    (one,) = results(SarifResult("loosens", Level.ERROR, r"route [here](http://evil) \[x]", "a.yaml:1"))
    assert one["message"]["text"] == r"route \[here\](http://evil) \\\[x\]"


def test_a_result_without_a_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="no rule other"):
        sarif("1.0", RULES, [SarifResult("other", Level.ERROR, "m", "")])
