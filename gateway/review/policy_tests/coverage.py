"""What the tests touch of a configuration, and what none of them does.

Only a request with an expectation counts: what nobody looks at is not tested. A policy that can refuse counts when a test sees it
refuse: if all tests pass it by, it could be dropped and none would fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.config.model import Config, Route
from gateway.core.failure import CallFailure
from gateway.core.reason import REASONS
from gateway.policy.kinds import KINDS
from gateway.review.dry_run.outcome import Outcome
from gateway.review.dry_run.trace import NOT_REACHED, PASS
from gateway.review.policy_tests.language import Expectation

REPORTED = "report: "

ELSEWHERE = frozenset(("token_revoked",))
"""Reasons of policies that no test of files can bring about: operators revoke tokens while the gateway runs."""

_SECTIONS = {kind.name: kind.section for kind in KINDS if kind.section}


@dataclass(frozen=True, slots=True)
class CoveredPart:
    """One part of the coverage: its ``names``, and those that no test touches."""

    names: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def covered(self) -> int:
        return len(self.names) - len(self.missing)

    @property
    def percent(self) -> float:
        """The share that tests touch, rounded down to a tenth; 100 where there is nothing to touch."""
        return 1000 * self.covered // len(self.names) / 10 if self.names else 100.0

    def as_dict(self) -> dict[str, object]:
        return {
            "covered": self.covered,
            "total": len(self.names),
            "percent": self.percent,
            "missing": list(self.missing),
        }


@dataclass(frozen=True, slots=True)
class PolicyCoverage:
    """``routes``; their ``targets``: procedures and paths; ``policies`` that a route or an upstream names; ``reasons`` to refuse that
    the configuration can give; ``settings``: for each policy the reasons that it can give."""

    routes: CoveredPart
    targets: CoveredPart
    policies: CoveredPart
    reasons: CoveredPart
    settings: CoveredPart

    @property
    def counted(self) -> Mapping[str, CoveredPart]:
        """The parts of which enough has to be tested."""
        return {"routes": self.routes, "policies": self.policies, "reasons": self.reasons}

    @property
    def parts(self) -> Mapping[str, CoveredPart]:
        """All parts."""
        return {**self.counted, "targets": self.targets, "settings": self.settings}


class Touched:
    """Notes what requests with an expectation come across."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._routes = {route.name: route for route in config.routes}
        self._on_routes: set[str] = set()
        self._targets: set[tuple[str, str]] = set()
        self._reasons: set[str] = set()
        self._refused: set[tuple[str, str]] = set()
        self._present: set[str] = set()

    def note(self, outcome: Outcome, expected: Expectation) -> None:
        """Notes what has come of a request of which ``expected`` was expected."""
        for name, target in ((outcome.route, outcome.canonical.path), *((c.route, c.procedure) for c in outcome.calls)):
            route = self._routes.get(name)
            if route is not None:
                self._on_routes.add(name)
                self._targets |= {(name, pattern) for pattern in _patterns(route) if _matches(pattern, target)}
        self._reasons |= {outcome.verdict, *outcome.reported} - {PASS}
        for stage in outcome.stages:
            section = _SECTIONS.get(stage.kind)
            if section is None or not stage.policy or stage.verdict == NOT_REACHED:
                continue
            name, reason = f"{section}.{stage.policy}", stage.verdict.removeprefix(REPORTED)
            if expected.headers or section != "response_headers":
                self._present.add(name)
            if reason in REASONS:
                self._refused.add((name, reason))
        if outcome.fallback:
            self._present.add(f"fallbacks.{outcome.fallback}")

    def coverage(self) -> PolicyCoverage:
        """What was touched so far, and what not."""
        can = dict(_policies(self._config))
        settings = [(name, reason) for name, reasons in can.items() for reason in reasons]
        refusing = {name for name, _ in self._refused}
        targets = [(route.name, pattern) for route in self._config.routes for pattern in _patterns(route)]
        return PolicyCoverage(
            _part(self._routes, self._on_routes),
            _part(map(" ".join, targets), map(" ".join, self._targets)),
            _part(can, [name for name, reasons in can.items() if name in (refusing if reasons else self._present)]),
            _part(_reasons(self._config, can), self._reasons),
            _part(map(" ".join, settings), map(" ".join, self._refused)),
        )


def _part(names: Iterable[str], touched: Iterable[str]) -> CoveredPart:
    every, seen = tuple(dict.fromkeys(names)), set(touched)
    return CoveredPart(every, tuple(name for name in every if name not in seen))


def _patterns(route: Route) -> Sequence[str]:
    return (*route.procedures, *route.paths)


def _matches(pattern: str, target: str) -> bool:
    return target.startswith(pattern[:-1]) if pattern.endswith("*") else target == pattern


def _policies(config: Config) -> Iterator[tuple[str, Sequence[str]]]:
    """Each policy that is used, as ``section.name``, and the reasons for which it may refuse."""
    used = {(section, name) for route in config.routes for section, names in route.policies.items() for name in names}
    for upstream in config.upstreams.values():
        used |= {("fallbacks", name) for name in upstream.fallback}
        used |= {("breakers", upstream.breaker)} if upstream.breaker else set()
    for section, policies in config.policies.items():
        for name, policy in policies.items():
            if (section, name) in used:
                yield f"{section}.{name}", sorted(policy.reasons() - ELSEWHERE)


def _reasons(config: Config, can: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The reasons that a test can bring about: those of the policies, of the routes and of the upstreams."""
    yield from ("no_route", "method_not_allowed", "path_ambiguous")
    if any(route.deny is not None for route in config.routes):
        yield "route_denied"
    if any(upstream.trpc is not None for upstream in config.upstreams.values()):
        yield from ("batch_malformed", "batch_too_large")
    if any(route.batch == "deny" for route in config.routes):
        yield "batch_refused"
    if config.listen.trusted_proxies:
        yield "forwarded_malformed"
    yield from sorted({reason for reasons in can.values() for reason in reasons})
    if any(route.upstream is not None for route in config.routes):
        total = any(upstream.timeouts.total is not None for upstream in config.upstreams.values())
        without = {CallFailure.BUSY.slug, *([] if total else [CallFailure.TOTAL_TIMEOUT.slug])}
        yield from dict.fromkeys(failure.slug for failure in CallFailure if failure.slug not in without)
