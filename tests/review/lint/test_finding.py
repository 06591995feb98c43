"""A finding as JSON, and how bad one is beside another."""

from __future__ import annotations

from gateway.review.lint.finding import Finding, Severity


def test_high_is_worse_than_low() -> None:
    assert sorted(Severity, key=lambda each: each.rank) == [Severity.HIGH, Severity.MEDIUM, Severity.LOW]


def test_as_json() -> None:
    found = Finding(
        "a-rule", Severity.LOW, "a:b.yaml:7", "routes.x", "is open", "An open door", "They walk in.", "shut it"
    )
    assert found.as_dict() == {
        "id": "a-rule",
        "severity": "low",
        "where": "a:b.yaml:7",
        "file": "a:b.yaml",
        "line": 7,
        "path": "routes.x",
        "title": "An open door",
        "sentence": "is open",
        "why": "They walk in.",
        "hint": "shut it",
        "accepted": None,
    }
