"""Rules about what only reports: a trial that nobody ends, and a door that stands open while it lasts."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.reporting import ROUTES, trials_of
from gateway.policy.auth.auth import Settings as AuthSettings
from gateway.review.lint.finding import LintRule, Severity, Spot
from gateway.review.lint.subject import Subject, at, is_guest_route


def _endless(subject: Subject) -> Iterator[Spot]:
    for section, name, trial in trials_of(subject.config):
        if trial.mode == "report" and trial.until is None:
            yield Spot((section, name, "mode"), "is report, so it refuses nothing, and nothing says until when")


def _open(subject: Subject) -> Iterator[Spot]:
    for name, policy, routes in subject.used("auth", AuthSettings):
        if policy.mode == "report":
            sentence = f"is report, so everybody uses {routes[0].name} and whatever else names it without a token"
            yield Spot(("auth", name, "mode"), sentence)
    for route in subject.served:
        if route.mode == "report" and not is_guest_route(route):
            yield Spot(at(route, "mode"), "is report, so everybody uses it without a token")


def _routes(subject: Subject) -> Iterator[Spot]:
    for section, name, trial in trials_of(subject.config):
        if section == ROUTES and trial.mode == "report" and trial.until is not None:
            yield Spot(
                (section, name, "mode"), f"is report until {trial.until}: its limits, bodies and schemas refuse nothing"
            )


RULES = (
    LintRule(
        "report-without-end",
        Severity.MEDIUM,
        "A trial without an end",
        "What refuses nothing looks in the files like what guards the route. Nobody remembers it, and it stays open for good.",
        "write until: YYYY-MM-DD beside mode: report, or mode: enforce",
        "rate_limits:\n  per-client: {limit: 300/minute, key: [address], mode: report, until: 2027-01-31}",
        _endless,
    ),
    LintRule(
        "auth-only-reports",
        Severity.HIGH,
        "A token that is asked for and not needed",
        "Requests without a token, or with a forged one, pass to the backend as if they had one. A backend that relies on the "
        "gateway serves them.",
        "enforce it, and try out the other policies of the route one by one",
        'auth:\n  access-token: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}", mode: enforce}',
        _open,
    ),
    LintRule(
        "route-only-reports",
        Severity.LOW,
        "A route on which nothing refuses, for a while",
        "While it lasts the route is as open as if it had no policies.",
        "enforce it as soon as gateway_would_refuse_total shows what it would refuse",
        "routes:\n  - {name: search, ..., mode: report, until: 2027-01-31}",
        _routes,
    ),
)
