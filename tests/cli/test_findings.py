"""Findings on a terminal: those that nobody answers for, one a line, and how many there are."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.cli.findings import fails, show, summary
from gateway.config.acknowledgements import Acknowledgement
from gateway.config.tree import Position
from gateway.review.lint.finding import Finding, Severity

ACCEPTED = Acknowledgement(None, "a-rule", "Ada", "so it is", date(2027, 1, 31), Position("a.yaml", 1, 1))


def finding(severity: Severity, accepted: Acknowledgement | None = None) -> Finding:
    return Finding("a-rule", severity, "a.yaml:7", "routes.x", "is open", "Open", "They walk in.", "shut it", accepted)


def test_one_line_each_without_those_that_are_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    show([finding(Severity.HIGH), finding(Severity.LOW, ACCEPTED)])
    assert capsys.readouterr().err == "high  a.yaml:7  routes.x  a-rule: is open  shut it\n"


def test_how_many_there_are() -> None:
    assert summary([]) == ""
    assert summary([finding(Severity.LOW, ACCEPTED)]) == "findings: 1 accepted"
    both = [finding(Severity.HIGH), finding(Severity.LOW), finding(Severity.LOW), finding(Severity.LOW, ACCEPTED)]
    assert summary(both).startswith("findings: 1 high, 2 low, 1 accepted; ")


def test_what_fails() -> None:
    medium = [finding(Severity.MEDIUM), finding(Severity.HIGH, ACCEPTED)]
    assert not fails(medium, Severity.HIGH) and fails(medium, Severity.MEDIUM) and fails(medium, Severity.LOW)
    assert not fails([finding(Severity.HIGH, ACCEPTED)], Severity.LOW)
