"""Rules about upstreams: what they are sent, over which wire, and what becomes of clients when they fail."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.checks.placeholders import names_credentials
from gateway.config.checks.production import is_private
from gateway.config.model import Route, UpstreamSettings
from gateway.config.path_guards import reached
from gateway.core.loopback import is_loopback
from gateway.core.methods import IDEMPOTENT, SAFE
from gateway.review.lint.finding import LintRule, Severity, Spot
from gateway.review.lint.subject import Subject

_LONGEST_RESPONSE = 60.0
_MOST_ATTEMPTS = 3
_LARGEST_BUDGET = 0.5
_OF_USERS = ("authorization", "cookie")
"""Headers that pass to every upstream unless it is written otherwise, and speak for the user who sends them."""


def _at(name: str, *below: str) -> tuple[str, ...]:
    return ("upstreams", name, *below)


def _routes_to(name: str, subject: Subject) -> list[Route]:
    """The served routes whose requests may reach the upstream, by its being a fallback too."""
    fallbacks = subject.config.policies.get("fallbacks", {})
    return [route for route in subject.served if name in reached(route, subject.config.upstreams, fallbacks)]


def _enforced(section: str, name: str | None, subject: Subject) -> bool:
    """Whether an upstream that names this policy has more of it than a report."""
    policy = subject.config.policies.get(section, {}).get(name or "")
    return policy is not None and policy.mode == "enforce"


def _unprotected(subject: Subject) -> Iterator[Spot]:
    for name, upstream in subject.config.upstreams.items():
        breaker = _enforced("breakers", upstream.breaker, subject)
        if not (breaker or upstream.concurrency or upstream.health_check or upstream.ejection):
            yield Spot(_at(name), "has neither a breaker, nor a bound for its calls at once, nor a health check")


def _slow(subject: Subject) -> Iterator[Spot]:
    for name, upstream in subject.config.upstreams.items():
        if upstream.timeouts.response > _LONGEST_RESPONSE and upstream.concurrency is None:
            sentence = f"lets a call wait {upstream.timeouts.response:g} s, and nothing bounds how many wait at once"
            yield Spot(_at(name, "timeouts", "response"), sentence)


def _no_fallback(subject: Subject) -> Iterator[Spot]:
    for name, upstream in subject.config.upstreams.items():
        breaker = _enforced("breakers", upstream.breaker, subject)
        given = any(_enforced("fallbacks", each, subject) for each in upstream.fallback)
        if breaker and not given and not upstream.required and _routes_to(name, subject):
            yield Spot(
                _at(name, "breaker"), "refuses calls while it is open, and no fallback says what clients get then"
            )


def _plain(subject: Subject) -> Iterator[Spot]:
    for name, upstream in subject.config.upstreams.items():
        for endpoint in upstream.endpoints:
            if endpoint.scheme == "http" and not is_private(endpoint) and not _credentials(upstream):
                yield Spot(_at(name, "endpoints"), f"has {endpoint.host}, which is reached over plain http")


def _secret_over_plain(subject: Subject) -> Iterator[Spot]:
    for name, upstream in subject.config.upstreams.items():
        for endpoint in upstream.endpoints:
            # A name without dots is another container of this host; an address in a private network is another machine.
            here = is_loopback(endpoint.host) or (endpoint.named and is_private(endpoint))
            if endpoint.scheme == "http" and not here and (fields := _credentials(upstream)):
                sentence = f"sends {', '.join(fields)} to {endpoint.host} over plain http"
                yield Spot(_at(name, "request_headers", "set"), sentence)


def _credentials(upstream: UpstreamSettings) -> list[str]:
    return [field for field in upstream.request_headers.set if names_credentials(field)]


def _to_third_parties(subject: Subject) -> Iterator[Spot]:
    upstreams = subject.config.upstreams
    if not any(map(_is_own, upstreams.values())):
        return  # nothing says which of them is the app's own
    for name, upstream in upstreams.items():
        edits = upstream.request_headers
        gone = {*edits.set, *edits.remove}
        passed = [field for field in _OF_USERS if field not in gone]
        if not _is_own(upstream) and passed and (routes := _routes_to(name, subject)):
            sentence = f"lets {' and '.join(passed)} of the app's users pass to a service of others"
            yield Spot(_at(name, "request_headers"), f"{sentence}, as on the route {routes[0].name}")


def _is_own(upstream: UpstreamSettings) -> bool:
    """Whether it is the app's own backend, as far as the files say."""
    return upstream.trpc is not None or upstream.required or all(map(is_private, upstream.endpoints))


def _twice(subject: Subject) -> Iterator[Spot]:
    for name, upstream in subject.config.upstreams.items():
        retried = [str(each) for each in upstream.retries.on if each != "connect"] if upstream.retries else []
        changing = {method for route in _routes_to(name, subject) for method in route.methods} & (IDEMPOTENT - SAFE)
        if retried and changing:
            sentence = (
                f"makes {' and '.join(sorted(changing))} again after {', '.join(retried)}, when it may have been done"
            )
            yield Spot(_at(name, "retries", "on"), sentence)


def _storm(subject: Subject) -> Iterator[Spot]:
    for name, upstream in subject.config.upstreams.items():
        retries = upstream.retries
        if retries is None:
            continue
        if retries.attempts > _MOST_ATTEMPTS:
            yield Spot(_at(name, "retries", "attempts"), f"makes up to {retries.attempts} calls of one")
        if retries.budget > _LARGEST_BUDGET:
            yield Spot(
                _at(name, "retries", "budget"), f"is {retries.budget:.0%} of the calls of an upstream that fails"
            )


RULES = (
    LintRule(
        "upstream-unprotected",
        Severity.MEDIUM,
        "An upstream that nothing gives up on",
        "When it is slow, or is made slow by somebody, each request waits out its whole timeout, and takes a connection and "
        "the memory of its request for as long.",
        "give it a breaker, a concurrency limit or a health_check",
        "upstreams:\n  ai:\n    breaker: external\n    concurrency: {limit: 100, queue: 50, wait: 1s}\n"
        "breakers:\n  external: {failures: 5, recover_after: 60s}",
        _unprotected,
    ),
    LintRule(
        "upstream-slow",
        Severity.LOW,
        "Calls that may wait for minutes, without a bound for how many",
        "A few hundred requests for what takes longest are under way at once, and keep everybody else's from the upstream.",
        f"write timeouts.response of at most {_LONGEST_RESPONSE:g}s, or concurrency",
        "upstreams:\n  ai:\n    timeouts: {response: 30s}\n    concurrency: {limit: 100, queue: 50, wait: 1s}",
        _slow,
    ),
    LintRule(
        "breaker-without-fallback",
        Severity.LOW,
        "A breaker without a fallback",
        "While the upstream rests every client gets a bare error, and apps show what they show when they do not understand: "
        "whoever can make the upstream fail takes the feature from everybody.",
        "name a fallback: an honest error in the app's own format, the last good response, or another upstream",
        "upstreams:\n  ai: {..., breaker: external, fallback: ai-unavailable}\n"
        "fallbacks:\n  ai-unavailable: {status: 503, json: {error: resting, message: Please try again in a minute.}}",
        _no_fallback,
    ),
    LintRule(
        "upstream-plain-http",
        Severity.MEDIUM,
        "Plain http to a host outside",
        "Whoever is on the way reads the requests of all users, with their tokens, and changes the responses.",
        "write https",
        "upstreams:\n  ai: {endpoints: [{url: https://ai.example.com}]}",
        _plain,
    ),
    LintRule(
        "secret-over-plain-http",
        Severity.HIGH,
        "A key of the gateway over plain http",
        "Whoever is on the way, or is another machine in that network, reads the key and uses it as the gateway does.",
        "write https",
        "upstreams:\n  ai:\n    endpoints: [{url: https://ai.example.com}]\n"
        '    request_headers: {set: {authorization: "Bearer ${AI_KEY}"}}',
        _secret_over_plain,
    ),
    LintRule(
        "credentials-to-third-party",
        Severity.HIGH,
        "Users' tokens and cookies to a service of others",
        "Authorization and Cookie pass to every upstream. Who runs that service, or breaks into it, has the tokens of the app's "
        "users and acts as them at the app's own backend.",
        "remove both, or set authorization to the service's own key",
        'upstreams:\n  ai:\n    request_headers: {set: {authorization: "Bearer ${AI_KEY}"}, remove: [cookie]}',
        _to_third_parties,
    ),
    LintRule(
        "retry-of-changes",
        Severity.LOW,
        "Changes that are made again",
        "PUT and DELETE are tried again when no response came, though they may have been done: a second one meets what the "
        "first has left, or somebody else's change between the two.",
        "write retries: {on: [connect]}: nothing was sent yet then",
        "upstreams:\n  files: {..., retries: {on: [connect]}}",
        _twice,
    ),
    LintRule(
        "retry-storm",
        Severity.LOW,
        "Retries that multiply the load",
        "An upstream that fails under load is sent several times as much: what somebody sends it, the gateway multiplies.",
        f"write attempts of at most {_MOST_ATTEMPTS} and a budget of at most {_LARGEST_BUDGET:.0%}",
        "upstreams:\n  tutor: {..., retries: {attempts: 2, budget: 20%}}",
        _storm,
    ),
)
