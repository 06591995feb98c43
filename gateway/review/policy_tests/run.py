"""Runs policy tests on the compiled configuration: each from an empty store on, by a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.config.model import Config
from gateway.config.tree import Position
from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.outcome import Outcome
from gateway.review.dry_run.parts import DryParts
from gateway.review.dry_run.request import DryRequest
from gateway.review.policy_tests.coverage import Touched
from gateway.review.policy_tests.expectation import Unmet, unmet
from gateway.review.policy_tests.files import PolicyStep, PolicyTest
from gateway.review.policy_tests.language import Expectation
from gateway.review.policy_tests.messages import request_of, response_of


class FailedRequest(NamedTuple):
    """A request of a test of which something else came than expected: the ``number``-th of ``step``. ``wrong`` says what, each
    with where it is written."""

    step: PolicyStep
    number: int
    request: DryRequest
    outcome: Outcome
    wrong: tuple[tuple[Unmet, Position], ...]


@dataclass(slots=True)
class PolicyTestResult:
    """How a test has gone: ``failed`` is empty when all came as expected. ``error`` says why it could not go on."""

    test: PolicyTest
    failed: list[FailedRequest] = field(default_factory=list)
    error: str = ""

    @property
    def ok(self) -> bool:
        return not self.failed and not self.error


class Runner:
    """Runs tests of ``config``. ``at`` is when those begin that do not say it, in Unix seconds; ``touched`` is what requests with
    an expectation have come across. ``parts`` may be shared with other runners."""

    def __init__(self, config: Config, at: float, parts: DryParts | None = None) -> None:
        self._config = config
        self._at = at
        self._parts = parts or DryParts()
        self.touched = Touched(config)

    def run(self, test: PolicyTest) -> PolicyTestResult:
        """How ``test`` goes."""
        result = PolicyTestResult(test)
        try:
            for failed in self.failures(test):
                result.failed.append(failed)
        except (RuntimeError, ValueError) as error:
            result.error = str(error)
        return result

    def failures(self, test: PolicyTest) -> Iterator[FailedRequest]:
        """The requests of ``test`` that fail, one by one as it runs. Raises RuntimeError and ValueError where it cannot go on."""
        dry_run = DryRun(self._config, at=self._at if test.at is None else test.at, parts=self._parts)
        for step in test.steps:
            yield from self._step(step, dry_run)

    def _step(self, step: PolicyStep, dry_run: DryRun) -> Iterator[FailedRequest]:
        response = response_of(step.response)
        dry_run.clock.advance(step.after)
        failed_before = False
        for number in range(1, step.repeat + 1):
            if number > 1:
                dry_run.clock.advance(step.every)
            request = request_of(step.request, number)
            outcome = dry_run.run(request, response)
            key = "expect" if number == step.repeat else "before"
            expected = step.expect if key == "expect" else step.before
            if expected is None:
                continue
            self.touched.note(outcome, expected)
            if failed_before and key == "before":
                continue  # one is enough: the others mostly fail for the same reason
            wrong = tuple(_located(step, key, expected, outcome))
            if wrong:
                failed_before = True
                yield FailedRequest(step, number, request, outcome, wrong)


def _located(step: PolicyStep, key: str, expected: Expectation, outcome: Outcome) -> Iterator[tuple[Unmet, Position]]:
    for one in unmet(expected, outcome):
        yield one, step.where(key, *one.path)
