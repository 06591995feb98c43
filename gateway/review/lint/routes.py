"""Rules about which requests a route takes: more than its names say, or what another one closes."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.model import Route
from gateway.config.path_guards import methods_of
from gateway.core.pattern import covers
from gateway.review.lint.finding import LintRule, Severity, Spot
from gateway.review.lint.subject import Subject, at, is_guest_route


def _wildcards(subject: Subject) -> Iterator[Spot]:
    for route in filter(is_guest_route, subject.served):
        for key, patterns in (("procedures", route.procedures), ("paths", route.paths)):
            for pattern in patterns:
                if pattern.endswith("*"):
                    yield Spot(at(route, key), f"lets everybody use {pattern}, with all that is added to it later")


def _above_deny(subject: Subject) -> Iterator[Spot]:
    routes = subject.config.routes
    for number, closed in enumerate(routes):
        for earlier in routes[:number] if closed.deny is not None else ():
            shared = _shared(earlier, closed) if earlier.deny is None and earlier.listener == closed.listener else ""
            if shared:
                yield Spot(at(earlier), f"is above {closed.name}, which closes {shared}, and takes it first")


def _shared(earlier: Route, closed: Route) -> str:
    """What ``closed`` closes and ``earlier`` takes before it, empty for nothing."""
    if closed.upstream not in (None, earlier.upstream):
        patterns: tuple[str, ...] = ()
    else:
        patterns = _overlapping(earlier.procedures, closed.procedures)
    if methods_of(earlier) & methods_of(closed):
        patterns += _overlapping(earlier.paths, closed.paths)
    return patterns[0] if patterns else ""


def _overlapping(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """The narrower of each two patterns that have something in common."""
    found = [
        other if covers(one, other) else one
        for one in first
        for other in second
        if covers(one, other) or covers(other, one)
    ]
    return tuple(found)


RULES = (
    LintRule(
        "wildcard-without-auth",
        Severity.MEDIUM,
        "Everything below a name, for everybody",
        "What the backend adds there next month is open from its first day, and nobody has decided that it should be: an export, "
        "a page of figures, a forgotten test.",
        "name each procedure or path, or ask for a token",
        "routes:\n  - {name: content, procedures: [lessons.getAll, lessons.getById], ..., auth: public}",
        _wildcards,
    ),
    LintRule(
        "allow-above-deny",
        Severity.MEDIUM,
        "A route above a closed one that takes some of its requests",
        "The first route that matches decides: what the reviewer reads as closed is open by the route above it.",
        "move the route with deny up",
        "routes:\n  - {name: no-admin, paths: [/files/admin/*], methods: [GET], deny: for operators only}\n"
        "  - {name: files, paths: [/files/*], ...}",
        _above_deny,
    ),
)
