"""Findings, warnings and problems as a SARIF log, which code hosts show beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.config.problem import Problem
from gateway.review.lint.finding import Finding, Severity
from gateway.review.lint.findings import ALL_RULES
from gateway.review.sarif import JsonObject, Level, SarifResult, SarifRule, sarif

_LEVELS = {Severity.HIGH: Level.ERROR, Severity.MEDIUM: Level.WARNING, Severity.LOW: Level.NOTE}

_PROBLEM = SarifRule("configuration-problem", "The gateway would not start with these files")
_WARNING = SarifRule("configuration-warning", "Likely a mistake, though it keeps nothing from running")


def as_sarif(
    version: str, found: Sequence[Finding], warnings: Sequence[Problem] = (), problems: Sequence[Problem] = ()
) -> JsonObject:
    """The log of one check by the gateway of that ``version``."""
    rules = [SarifRule(rule.id, rule.title, f"{rule.why} To mend it, {rule.mend}.") for rule in ALL_RULES]
    results = [
        *(_of_problem(one, _PROBLEM.id, Level.ERROR) for one in problems),
        *(_of_problem(one, _WARNING.id, Level.WARNING) for one in warnings),
        *map(_of_finding, found),
    ]
    return sarif(version, [_PROBLEM, _WARNING, *rules], results)


def _of_problem(problem: Problem, rule: str, level: Level) -> SarifResult:
    message = "  ".join(part for part in (problem.path, problem.sentence, problem.hint) if part)
    where = f"{problem.file}:{problem.line}:{problem.column}"
    return SarifResult(rule, level, message, where, f"{problem.path} {problem.sentence}")


def _of_finding(finding: Finding) -> SarifResult:
    accepted = finding.accepted
    reason = f"{accepted.reason} ({accepted.by}, until {accepted.until})" if accepted is not None else ""
    message = f"{finding.path} {finding.sentence}. {finding.why} To mend it, {finding.hint}."
    level = _LEVELS[finding.severity]
    return SarifResult(finding.id, level, message, finding.where, f"{finding.id} {finding.path}", reason)
