"""Rules about who reaches the gateway itself: its listeners, its operators, its store."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import unquote, urlsplit

from gateway.config.checks.exposure import trusted
from gateway.config.checks.production import PRODUCTION
from gateway.core.loopback import is_loopback
from gateway.policy.base.proxies import folded
from gateway.policy.lockout.settings import Settings as LockoutSettings
from gateway.review.lint.finding import LintRule, Severity, Spot
from gateway.review.lint.subject import Subject

# Whole blocks of private use (RFC 1918, RFC 4193, RFC 6598). One network of an operator is a part of one.
_BLOCKS = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fd00::/8"))
)


def _development(subject: Subject) -> Iterator[Spot]:
    written = subject.settings.get("environment")
    # A reference says that each machine decides; what it is on this one is no property of the files.
    decided = written is None or written.source in ("file", "default")
    if decided and subject.config.environment != PRODUCTION and subject.open_to_network:
        sentence = f"is {subject.config.environment}, and the public listener is open to every network"
        yield Spot(("environment",), sentence)


def _strangers(subject: Subject) -> Iterator[Spot]:
    networks = subject.config.listen.trusted_proxies
    for (*_, index), sentence, _ in trusted(networks):
        yield Spot(("listen", "trusted_proxies"), f"has {networks[int(index)]}, which {sentence}")


def _whole_blocks(subject: Subject) -> Iterator[Spot]:
    for network in subject.config.listen.trusted_proxies:
        if folded(network) in _BLOCKS and subject.open_to_network:
            yield Spot(("listen", "trusted_proxies"), f"has {network}, which is every private network of that kind")


def _operators(subject: Subject) -> Iterator[Spot]:
    host = subject.config.ops.host
    if not (is_loopback(host.strip("[]")) or host == "localhost"):
        yield Spot(("ops", "host"), f"is {host}, where the operators' token travels without TLS")


def _origins(subject: Subject) -> Iterator[Spot]:
    origins = subject.config.ops.origins
    if origins:
        yield Spot(("ops", "origins"), f"lets pages of {', '.join(origins)} use the operators' API")


def _without_key(subject: Subject) -> Iterator[Spot]:
    state = subject.config.state
    hashes = any(route.policies.get("lockouts") for route in subject.served) or _by_input(subject)
    if hashes and not state.key and not subject.is_written("state.key"):
        yield Spot(("state", "key"), "is missing, and names of accounts are stored as hashes that anybody can reckon")


def _by_input(subject: Subject) -> bool:
    limits = subject.config.policies.get("rate_limits", {}).values()
    return any(part.startswith("input:") for limit in limits for part in getattr(limit, "key", ()))


def _redis(subject: Subject) -> Iterator[Spot]:
    redis = subject.config.state.redis
    url = urlsplit(redis.reveal()) if redis is not None else None
    if url is None or url.scheme not in ("redis", "rediss") or _is_here(url.hostname or ""):
        return
    if url.scheme == "redis":
        yield Spot(("state", "redis"), "is another machine, and what it is sent travels without TLS")
    if not unquote(url.password or ""):
        yield Spot(("state", "redis"), "is another machine, and asks for no password")


def _is_here(host: str) -> bool:
    return is_loopback(host) or host == "localhost"


def _forever(subject: Subject) -> Iterator[Spot]:
    for name, settings, _ in subject.used("lockouts", LockoutSettings):
        if settings.address is None and not settings.by_address:
            yield Spot(("lockouts", name, "address"), "is null, so one address may fail at every account there is")


RULES = (
    LintRule(
        "development-in-public",
        Severity.MEDIUM,
        "A development environment that every network reaches",
        "None of the strict checks of production is made: weak secrets, wide origins and policies without an end go unnoticed.",
        "write environment: ${GATEWAY_ENV:-development} and set it where it serves, or listen on 127.0.0.1",
        "environment: production",
        _development,
    ),
    LintRule(
        "trusted-proxies-strangers",
        Severity.HIGH,
        "Strangers whose X-Forwarded-For is believed",
        "Whoever sends from one of these addresses says which client he is: a new address with each request for the limits, "
        "and that of a victim for its lockouts.",
        "name the balancer's own addresses, or its private network",
        "listen:\n  trusted_proxies: [10.0.7.0/24]",
        _strangers,
    ),
    LintRule(
        "trusted-proxies-whole-private",
        Severity.MEDIUM,
        "Every machine of a private network is believed",
        "One machine that somebody has broken into, or a neighbour in a shared network, sends requests in the name of any client.",
        "name the network in which the balancers are",
        "listen:\n  trusted_proxies: [10.0.7.0/24]",
        _whole_blocks,
    ),
    LintRule(
        "ops-exposed",
        Severity.MEDIUM,
        "The operators' listener beyond this machine",
        "It has no TLS: whoever is on the way reads the token, and with it unlocks accounts, revokes tokens and reloads.",
        "listen on 127.0.0.1, and reach it through a tunnel or a sidecar",
        'ops: {host: 127.0.0.1, port: 9090, token: "${GATEWAY_OPS_TOKEN}"}',
        _operators,
    ),
    LintRule(
        "ops-origins",
        Severity.LOW,
        "Pages that may use the operators' API",
        "A script in one of these pages that was not meant to be there uses the token of the operator who looks at it.",
        "leave ops.origins out, or accept the finding for the page that operators use",
        'ops: {host: 127.0.0.1, token: "${GATEWAY_OPS_TOKEN}"}',
        _origins,
    ),
    LintRule(
        "state-key-missing",
        Severity.MEDIUM,
        "Names of accounts under no key",
        "Whoever reads the store, or a backup of it, finds out by trying who has signed in or was locked.",
        "write a key from the environment",
        'state: {key: "${GATEWAY_STATE_KEY}"}',
        _without_key,
    ),
    LintRule(
        "redis-open",
        Severity.HIGH,
        "A store on another machine, without TLS or without a password",
        "Whoever reaches it, or is on the way, sets all counts back, lifts locks, and locks whom he likes.",
        "write rediss:// and a password",
        'state: {redis: "${REDIS_URL}", key: "${GATEWAY_STATE_KEY}"}   # rediss://:PASSWORD@redis.internal:6379/0',
        _redis,
    ),
    LintRule(
        "lockout-without-address",
        Severity.MEDIUM,
        "A lockout that no address runs into",
        "One machine tries one password at every account: no account fails often, and nothing counts the machine.",
        "leave address out of the lockout, which then has 50 failures an hour, or write numbers",
        "lockouts:\n  accounts: {account: /email, address: {failures: 50, within: 1h, lock_for: 1h}}",
        _forever,
    ),
)
