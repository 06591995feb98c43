"""Rules about how often: routes that nothing counts, and counts that their own clients get round."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.model import Route
from gateway.policy.rate_limit.rate_limit import Settings
from gateway.review.lint.finding import LintRule, Severity, Spot
from gateway.review.lint.subject import Subject, at, is_guest_route

SECTION = "rate_limits"
_MOST_BURST = 10
"""So many periods of a limit at once are no burst any more."""
_SHORTEST = 60.0  # seconds: a limit by the second may well have a burst for a minute
_LARGEST_BATCH = 50


def chosen(settings: Settings) -> list[str]:
    """The parts of the key that a client writes as it likes."""
    return [key for key in settings.key if key.startswith(("header:", "input:"))]


def fixed_limits(route: Route, subject: Subject) -> list[Settings]:
    """The limits of ``route`` that a client cannot get round by another value."""
    return [settings for _, settings in subject.enforced(route, SECTION, Settings) if not chosen(settings)]


def _without_limit(subject: Subject) -> Iterator[Spot]:
    for route in filter(is_guest_route, subject.served):
        own = ("address", "network")
        if any(set(own) & set(settings.key) for settings in fixed_limits(route, subject)):
            continue
        limits = [settings for _, settings in subject.enforced(route, SECTION, Settings)]
        if not (limits and all(map(chosen, limits))):  # which is a finding of its own
            yield Spot(at(route), "lets everybody in, and no limit that is enforced counts by address or network")


def _uncounted(subject: Subject) -> Iterator[Spot]:
    for route in subject.served:
        if not is_guest_route(route) and not any(subject.enforced(route, SECTION, Settings)):
            yield Spot(at(route), "has no limit that is enforced")


def _by_choice(subject: Subject) -> Iterator[Spot]:
    for route in subject.served:
        limits = list(subject.enforced(route, SECTION, Settings))
        named = {name: chosen(settings) for name, settings in limits}
        if limits and all(named.values()):
            parts = ", ".join(dict.fromkeys(part for parts in named.values() for part in parts))
            yield Spot(at(route, SECTION), f"are limits that all count by {parts}, which the client writes")


def _burst(subject: Subject) -> Iterator[Spot]:
    for name, settings, _ in subject.used(SECTION, Settings):
        rate = settings.limit
        seconds = settings.at_once * rate.period / rate.limit
        if seconds > _MOST_BURST * max(rate.period, _SHORTEST):
            sentence = (
                f"lets {settings.at_once} through at once, more than {rate} allows in {int(seconds // 60)} minutes"
            )
            yield Spot((SECTION, name, "burst"), sentence)


def _per_address(subject: Subject) -> Iterator[Spot]:
    bounds = subject.config.listen.limits.per_address
    unset = [name for name in ("connections", "requests") if getattr(bounds, name) is None]
    if unset and subject.open_to_network:
        yield Spot(("listen", "limits", "per_address"), f"has no bound for the {' and '.join(unset)} of one address")


def _batch(subject: Subject) -> Iterator[Spot]:
    for name, upstream in subject.config.upstreams.items():
        if upstream.trpc is not None and upstream.trpc.max_batch > _LARGEST_BATCH:
            sentence = f"lets {upstream.trpc.max_batch} calls travel in one request"
            yield Spot(("upstreams", name, "trpc", "max_batch"), sentence)


RULES = (
    LintRule(
        "public-without-limit",
        Severity.HIGH,
        "A public route without a limit by address or network",
        "One machine calls it as fast as it can: it guesses, scrapes, or keeps the backend busy for everybody, and needs no "
        "account for that.",
        "name a limit with address or network in its key, and no header or input in it",
        "rate_limits:\n  per-client: {limit: 300/minute, burst: 60, key: [address]}\n"
        "routes:\n  - {name: content, ..., auth: public, rate_limits: [per-client]}",
        _without_limit,
    ),
    LintRule(
        "route-without-limit",
        Severity.LOW,
        "A route for signed-in users without any limit",
        "One account, or one stolen token, calls it as fast as it can.",
        "name a limit by principal or address",
        "rate_limits:\n  per-user: {limit: 120/minute, key: [principal]}",
        _uncounted,
    ),
    LintRule(
        "limit-by-clients-choice",
        Severity.HIGH,
        "A route whose limits all count by what the client chooses",
        "Another value of the header or the field is another count: whoever sends a new one with each request is never refused.",
        "name a limit beside it that counts by address or network, or by principal where a token is asked for, with no header and "
        "no input in its key",
        'rate_limits:\n  per-account: {limit: 5/minute, key: [address, "input:/email"]}\n'
        "  per-client: {limit: 60/minute, key: [address]}\n"
        "routes:\n  - {name: login, ..., rate_limits: [per-client, per-account]}",
        _by_choice,
    ),
    LintRule(
        "burst-above-rate",
        Severity.LOW,
        "A limit whose burst is far above its rate",
        "After a pause all of the burst comes at once: for an attacker who has time the limit is the burst, and not the rate.",
        "lower burst, or leave it out: it is as many as limit then",
        "rate_limits:\n  login-per-address: {limit: 5/minute, burst: 10, key: [address]}",
        _burst,
    ),
    LintRule(
        "per-address-unset",
        Severity.MEDIUM,
        "No bound for what one address has open at once",
        "One machine opens all connections that a worker has, or has so many slow requests in flight that nobody else is "
        "served. Rate limits count how often, and not for how long.",
        "write listen.limits.per_address with connections and requests",
        "listen:\n  limits:\n    per_address: {connections: 1000, requests: 250}",
        _per_address,
    ),
    LintRule(
        "batch-large",
        Severity.MEDIUM,
        "Very many calls in one tRPC request",
        "One request makes the backend do the work of hundreds, all at once.",
        f"write a max_batch of at most {_LARGEST_BATCH}: pages make some ten calls together",
        "upstreams:\n  tutor:\n    trpc: {prefix: /api/trpc, max_batch: 10}",
        _batch,
    ),
)
