"""What a finding is about, for people."""

from __future__ import annotations

from gateway.review.lint.finding import LintRule, Severity
from gateway.review.lint.page import as_dict, as_markdown, as_text

RULE = LintRule("a-rule", Severity.LOW, "An open door", "They walk in.", "shut it", "a:\n  b: 1", lambda _: ())


def test_for_a_terminal() -> None:
    text = as_text(RULE)
    assert text.startswith(
        "a-rule (low)\nAn open door.\n\nWhy: They walk in.\n\nTo mend it, shut it:\n\n    a:\n      b: 1\n"
    )
    assert "- {finding: a-rule, at: PATH, by: NAME, reason: WHY, until: YYYY-MM-DD}" in text


def test_the_page_has_a_row_and_a_section_for_each() -> None:
    page = as_markdown([RULE])
    assert "| [a-rule](#a-rule) | low | An open door |" in page
    assert "## a-rule\n\n**An open door** (low). They walk in.\n\nShut it.\n\n```yaml\na:\n  b: 1\n```\n" in page


def test_for_programs() -> None:
    assert as_dict(RULE) == {
        "id": "a-rule",
        "severity": "low",
        "title": "An open door",
        "why": "They walk in.",
        "mend": "shut it",
        "example": "a:\n  b: 1",
    }
