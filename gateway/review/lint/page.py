"""What a finding is about, for people: one rule as text, and the page of all of them, which is ``docs/findings.md``."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.review.lint.finding import LintRule

_HEAD = """\
# Findings of `gateway check`

What a reviewer of security asks of a configuration, by rule. A finding keeps nothing from running: it names a door, what
somebody does with it, and what to write instead. `gateway check --explain ID` prints one of these, `gateway check --explain
all` this page. How to run it, in CI too, and how to accept a finding: [reviewing](reviewing.md#gateway-check).

| id | severity | |
|---|---|---|
"""


def as_text(rule: LintRule) -> str:
    """``rule`` for a terminal."""
    accept = f"acknowledge:\n  - {{finding: {rule.id}, at: PATH, by: NAME, reason: WHY, until: YYYY-MM-DD}}"
    return (
        f"{rule.id} ({rule.severity})\n{rule.title}.\n\nWhy: {rule.why}\n\nTo mend it, {rule.mend}:\n\n"
        f"{_indented(rule.example)}\n\nTo accept it where it has to be so, with the path that is shown with it:\n\n"
        f"{_indented(accept)}\n"
    )


def as_markdown(rules: Sequence[LintRule]) -> str:
    """The page of ``rules``, in their order."""
    rows = "".join(f"| [{rule.id}](#{rule.id}) | {rule.severity} | {rule.title} |\n" for rule in rules)
    return _HEAD + rows + "".join(_section(rule) for rule in rules)


def as_dict(rule: LintRule) -> dict[str, str]:
    """``rule`` as JSON."""
    return {
        "id": rule.id,
        "severity": str(rule.severity),
        "title": rule.title,
        "why": rule.why,
        "mend": rule.mend,
        "example": rule.example,
    }


def _section(rule: LintRule) -> str:
    mend = rule.mend[0].upper() + rule.mend[1:]
    return (
        f"\n## {rule.id}\n\n**{rule.title}** ({rule.severity}). {rule.why}\n\n{mend}.\n\n```yaml\n{rule.example}\n```\n"
    )


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
