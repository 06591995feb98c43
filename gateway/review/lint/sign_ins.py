"""Rules about what can be guessed: passwords and codes."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.policy.lockout.settings import Settings as LockoutSettings
from gateway.review.lint.finding import LintRule, Severity, Spot
from gateway.review.lint.limits import fixed_limits
from gateway.review.lint.sign_in import guessable
from gateway.review.lint.subject import Subject, at, is_guest_route

_SLOWEST = 10 / 60.0
"""Tries a second of a signed-in user who gives the password again: ten a minute."""


def _without_lockout(subject: Subject) -> Iterator[Spot]:
    for route, by in guessable(subject):
        if any(subject.enforced(route, "lockouts", LockoutSettings)):
            continue
        held = (
            "principal" in settings.key and settings.limit.limit / settings.limit.period <= _SLOWEST
            for settings in fixed_limits(route, subject)
        )
        if is_guest_route(route) or not any(held):
            yield Spot(at(route), f"takes what can be guessed ({by}), and has no lockout that is enforced")


def _in_batches(subject: Subject) -> Iterator[Spot]:
    for route, by in guessable(subject):
        trpc = [each.trpc for name, each in subject.config.upstreams.items() if name == route.upstream and each.trpc]
        if route.procedures and route.batch == "allow" and any(each.max_batch > 1 for each in trpc):
            yield Spot(at(route, "batch"), f"lets several tries travel in one request ({by})")


def _in_the_query(subject: Subject) -> Iterator[Spot]:
    for route, by in guessable(subject):
        if route.procedures and "GET" in route.methods:  # a GET of a path shows the page with the form
            yield Spot(at(route, "methods"), f"lets GET pass, whose input is in the address ({by})")


RULES = (
    LintRule(
        "sign-in-without-lockout",
        Severity.HIGH,
        "A route that takes a password or a code, without a lockout",
        "Limits by address hold one machine. A thousand machines with a thousand addresses try the passwords of one account, "
        "or one leaked password at every account, and nothing counts what failed.",
        "name a lockout; where a signed-in user gives the password again, a limit by principal of at most 10/minute will do",
        "lockouts:\n  accounts:\n    account: /email\n    failures: 10\n    within: 15m\n    lock_for: [1m, 15m, 1h]\n"
        "    on_status: [401]\n    everywhere: {failures: 100, within: 1h, lock_for: [1m, 15m, 1h]}\n"
        "routes:\n  - {name: login, ..., lockout: accounts}",
        _without_lockout,
    ),
    LintRule(
        "sign-in-in-batches",
        Severity.MEDIUM,
        "Several tries of a password or a code in one request",
        "One request tries many passwords at once. What counts requests in front of the gateway, and whoever reads its logs, "
        "sees one.",
        "write batch: deny, so that each try travels alone",
        "routes:\n  - {name: login, procedures: [auth.login], methods: [POST], ..., batch: deny}",
        _in_batches,
    ),
    LintRule(
        "secret-in-query",
        Severity.MEDIUM,
        "A password or a code in the address of a request",
        "Addresses stay in the logs of proxies, in the history of browsers and in Referer: whoever reads one of them has the "
        "password.",
        "write methods: [POST]",
        "routes:\n  - {name: login, procedures: [auth.login], methods: [POST], ...}",
        _in_the_query,
    ),
)
