"""How the results of policy tests are shown: lines for people, and JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer

from gateway.config.problem import nearest
from gateway.ops.plain import clean
from gateway.review.dry_run.outcome import Outcome
from gateway.review.policy_tests.coverage import PolicyCoverage
from gateway.review.policy_tests.files import PolicyTest
from gateway.review.policy_tests.run import FailedRequest, PolicyTestResult

_SHOWN = 300  # characters of a value; --json has all of it
_STYLES = {"pass": typer.colors.GREEN, "not reached": typer.colors.BRIGHT_BLACK}


def as_dict(result: PolicyTestResult) -> dict[str, Any]:
    """One test as JSON."""
    test = result.test
    found: dict[str, Any] = {
        "name": test.name,
        "file": test.position.file,
        "line": test.position.line,
        "ok": result.ok,
        "requests": test.requests,
        "failures": [_failure(each) for each in result.failed],
    }
    return {**found, "error": result.error} if result.error else found


def _failure(failed: FailedRequest) -> dict[str, Any]:
    outcome, request = failed.outcome, failed.request
    return {
        "step": failed.step.number,
        "request": {"method": request.method, "target": request.target, "address": request.address},
        "repetition": failed.number,
        "wrong": [
            {"expected": one.expected, "got": one.got, "path": one.name, "where": f"{at.file}:{at.line}"}
            for one, at in failed.wrong
        ],
        "verdict": outcome.verdict,
        "status": outcome.status,
        "route": outcome.route,
        "detail": outcome.detail,
        "stages": _stages(outcome),
    }


def _stages(outcome: Outcome) -> list[dict[str, str]]:
    return [
        {
            "stage": stage.kind,
            "policy": stage.policy,
            "where": stage.where,
            "verdict": stage.verdict,
            "detail": stage.detail,
        }
        for stage in outcome.stages
    ]


def coverage_as_dict(coverage: PolicyCoverage) -> dict[str, Any]:
    """The coverage as JSON."""
    return {name: part.as_dict() for name, part in coverage.parts.items()}


def lines_of(result: PolicyTestResult) -> Iterator[str]:
    """A test that has failed, for people: what was expected, what came, and which stages have decided that."""
    test = result.test
    label = typer.style("FAILED", fg=typer.colors.RED, bold=True)
    yield f"{label}  {_at(test)}  {typer.style(clean(test.name), bold=True)}"
    for failed in result.failed:
        yield f"  {_request(failed, test)}"
        for one, at in failed.wrong:
            spot = typer.style(clean(f"{at.file}:{at.line}"), fg=typer.colors.CYAN)
            expected = typer.style(clean(one.expected, _SHOWN), fg=typer.colors.GREEN)
            got = typer.style(clean(one.got, _SHOWN), fg=typer.colors.RED)
            yield f"    {spot}  {clean(one.name)}: expected {expected}, got {got}"
        yield from _trace(failed.outcome)
    if result.error:
        yield f"  it could not go on: {clean(result.error, _SHOWN)}"


def _at(test: PolicyTest) -> str:
    return typer.style(clean(f"{test.position.file}:{test.position.line}"), fg=typer.colors.CYAN)


def _request(failed: FailedRequest, test: PolicyTest) -> str:
    request, step = failed.request, failed.step
    which = [f"step {step.number}"] if len(test.steps) > 1 else []
    which += [f"request {failed.number} of {step.repeat}"] if step.repeat > 1 else []
    label = f"{', '.join(which)}: " if which else ""
    return f"{label}{clean(request.method)} {clean(request.target, _SHOWN)} from {clean(request.address)}"


def _trace(outcome: Outcome) -> Iterator[str]:
    yield f"    it was decided so, on the route {clean(outcome.route)}:"
    rows = [(_stage(stage.kind, stage.policy), stage.where, stage.verdict, stage.detail) for stage in outcome.stages]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    for name, where, verdict, detail in rows:
        color = _STYLES.get(verdict, typer.colors.RED)
        after = f"  {clean(detail, _SHOWN)}" if detail else ""
        shown = typer.style(verdict, fg=color)
        yield f"      {clean(name).ljust(widths[0])}  {clean(where).ljust(widths[1])}  {shown}{after}"
    shown = f"{outcome.status} {outcome.verdict}"
    after = f": {clean(outcome.detail, _SHOWN)}" if outcome.detail else ""
    yield f"      {shown}{after}{f' (fallback {clean(outcome.fallback)})' if outcome.fallback else ''}"


def _stage(kind: str, policy: str) -> str:
    return f"{kind} {policy}".rstrip()


def coverage_lines(coverage: PolicyCoverage) -> Iterator[str]:
    """The coverage for people, with all that no test touches."""
    parts = coverage.parts
    counted = ", ".join(f"{part.covered} of {len(part.names)} {name}" for name, part in parts.items())
    yield f"tested: {counted}"
    for name, part in parts.items():
        missing = [one for one in part.missing if not _follows(name, one, coverage)]
        if missing:
            yield f"  {name} that no test touches: {', '.join(map(clean, missing))}"


def _follows(part: str, name: str, coverage: PolicyCoverage) -> bool:
    """Whether it only follows that no test touches ``name``: its policy or its route is untested as a whole."""
    above = coverage.policies if part == "settings" else coverage.routes if part == "targets" else None
    return above is not None and name.partition(" ")[0] in above.missing


def too_little(coverage: PolicyCoverage, least: float) -> Sequence[str]:
    """The parts of which less than ``least`` per cent is tested."""
    counted: Mapping[str, Any] = coverage.counted
    return [f"{part.percent:g} % of the {name}" for name, part in counted.items() if part.percent < least]


def unknown_test(pattern: str, tests: Sequence[PolicyTest]) -> str:
    """What is wrong with a pattern that no test has in its name."""
    hint = nearest(pattern, [test.name for test in tests])
    return f"no test has {clean(pattern)} in its name{f'; {clean(hint)}' if hint else ''}"
