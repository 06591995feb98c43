"""The shipped files, and what comes of their tests, which run once for all that is said of them here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from gateway.config.load import load
from gateway.config.model import Config
from gateway.review.dry_run.outcome import Outcome
from gateway.review.policy_tests.coverage import PolicyCoverage, Touched
from gateway.review.policy_tests.files import FOLDER, PolicyTest, files_in, read_tests
from gateway.review.policy_tests.language import Expectation
from gateway.review.policy_tests.run import Runner

ROOT = Path(__file__).parents[2]
ENTRY = ROOT / "upstreams.yaml"
ENVIRONMENT = {
    "JWT_SECRET": "vY2n7QmZ-8sLr4Wd1xTgK0bHc6Jp9uAe3fXo5iNt",
    "TOOLKIT_API_KEY": "mB4kQ9zR-2wXv7Lt0yGhD5sPn8Ec1aUj6oIf3rTq",
    "GATEWAY_OPS_TOKEN": "gT5cW8eN-1rZb6Kq9vFmS2xLj4Hd7oAu0iYp3nXs",
    "GATEWAY_STATE_KEY": "pL6dV1hM-9tCs3Gx8kRwJ5nBq0Zf2yEo7uAi4bTj",
}
NOON = 1_801_396_800.0

Seen = tuple[str, str, str]
"""A verdict, and the route and the policy that it is of; empty for any."""


@cache
def shipped(**changes: str) -> Config:
    """The shipped files, with ``changes`` to the environment."""
    found = load(ENTRY, {**ENVIRONMENT, **changes})
    assert isinstance(found, Config), "\n".join(map(str, found))
    return found


@cache
def written() -> Sequence[PolicyTest]:
    """Their tests."""
    tests, problems, _ = read_tests(files_in(ROOT / FOLDER), shipped(), ROOT)
    assert problems == []
    return tests


class _Noted(Touched):
    """Notes also the verdicts of each target, and what refuses in the test that runs, ``seen``."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.verdicts: dict[str, set[str]] = {}
        self.seen: set[Seen] = set()

    def note(self, outcome: Outcome, expected: Expectation) -> None:
        super().note(outcome, expected)
        for target in (outcome.canonical.path, *(call.procedure for call in outcome.calls)):
            self.verdicts.setdefault(target, set()).add(outcome.verdict)
        refusing = {stage.policy for stage in outcome.stages if stage.verdict == outcome.verdict}
        for route in ("", outcome.route, *(call.route for call in outcome.calls)):
            self.seen |= {(outcome.verdict, route, policy) for policy in ("", *refusing)}


class SeenByTests(NamedTuple):
    """What all tests come across: their ``coverage``, the ``verdicts`` of each target, and what is ``seen`` by name of test."""

    coverage: PolicyCoverage
    verdicts: Mapping[str, set[str]]
    seen: Mapping[str, set[Seen]]


@cache
def seen_by_tests() -> SeenByTests:
    """What the shipped tests come across, all of which pass."""
    runner, seen = Runner(shipped(), NOON), {}
    runner.touched = noted = _Noted(shipped())
    for test in written():
        noted.seen = seen[test.name] = set()
        assert runner.run(test).ok, test.name
    return SeenByTests(noted.coverage(), noted.verdicts, seen)
