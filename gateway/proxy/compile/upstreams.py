"""From an upstream's settings to an upstream that can be called."""

from __future__ import annotations

import asyncio
import math
import random
import ssl
from collections.abc import Callable
from functools import partial

from gateway.config.model import UpstreamSettings as Settings
from gateway.core.request_fields import PassedFields
from gateway.core.shortage import shortage_of
from gateway.core.via import Via
from gateway.policy.base.tools import Tools
from gateway.proxy.pool.balancer import Balancer
from gateway.proxy.pool.discovery import INTERVAL, DnsDiscovery
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.health_check import HealthChecker
from gateway.proxy.pool.outlier import OutlierEjection
from gateway.proxy.pool.pool import Pool
from gateway.proxy.upstream.attempt import NO_VIA, UpstreamAttempt
from gateway.proxy.upstream.attempts import Attempts
from gateway.proxy.upstream.deadline import Deadline
from gateway.proxy.upstream.hedge import Hedge
from gateway.proxy.upstream.retry import Retry
from gateway.proxy.upstream.upstream import Upstream
from gateway.proxy.upstream.withheld import WithheldFields

BackgroundTask = HealthChecker | DnsDiscovery


def assemble(
    name: str, settings: Settings, region: str, tools: Tools, most: float = math.inf, via: Via = NO_VIA
) -> Upstream:
    """The upstream ``name``, for a gateway in ``region``, which gets no larger heads than ``most`` bytes, with ``via``.

    Must run in the loop that will serve it.
    """
    clock = asyncio.get_running_loop().time
    endpoints = _endpoints(settings, tools)
    timeouts = settings.timeouts
    pool = Pool(
        endpoints,
        connect=timeouts.connect,
        response=timeouts.response,
        silence=timeouts.body,
        idle=timeouts.idle,
        max_connections=settings.max_connections,
        balancer=Balancer(endpoints, random.random, clock, region=region, spill_below=settings.spill_below),
        on_shortage=tools.events.shortage,
        resolver=tools.resolver,
        via=via.response,
        on_address=partial(_on_address, partial(tools.events.event, upstream=name)),
        always=len(endpoints) == 1 and settings.resolve is None,
    )
    edits = settings.request_headers
    fields = [(key.lower().encode(), value.reveal().encode("latin-1")) for key, value in edits.set.items()]
    withheld = WithheldFields(partial(tools.events.event, upstream=name))
    passes = PassedFields(edits.pass_, withheld.add)
    attempt = UpstreamAttempt(name, pool, fields, [key.lower().encode() for key in edits.remove], passes, most, via)
    several = len(endpoints) > 1 or settings.retries is not None or _apart(settings)
    attempts = _attempts(attempt, settings, clock, tools) if several else None
    return Upstream(attempt, attempts, Deadline(timeouts.total, pool) if timeouts.total else None)


def background_tasks(upstream: Upstream, settings: Settings, tools: Tools) -> list[BackgroundTask]:
    """What keeps the endpoints of ``upstream`` up to date while it serves: health checks, and discovery by DNS."""
    on_event = partial(tools.events.event, upstream=upstream.name)
    check, interval = settings.health_check, settings.resolve or INTERVAL
    checker = HealthChecker(upstream.pool, check, on_event) if check is not None else None
    on_change = checker.endpoints_changed if checker is not None else None
    discovery = None
    if any(endpoint.named for endpoint in settings.endpoints):
        discovery = DnsDiscovery(upstream.pool, interval, on_event, on_change, apart=_apart(settings))
    return [each for each in (checker, discovery) if each is not None]


def _apart(settings: Settings) -> bool:
    """Whether each address of a name is an endpoint: asked for, or because one of them may be left out for its failures."""
    named = any(endpoint.named for endpoint in settings.endpoints)
    return settings.resolve is not None or (settings.ejection is not None and named)


def _on_address(on_event: Callable[..., None], label: str, address: str, why: str) -> None:
    if why:
        on_event("address_unreachable", endpoint=label, address=address, error=why)
    else:
        on_event("address_reachable", endpoint=label, address=address)


def _endpoints(settings: Settings, tools: Tools) -> list[Endpoint]:
    tls = tools.parts.part("trust", _trust) if any(e.scheme == "https" for e in settings.endpoints) else None
    return [
        Endpoint(
            each.host,
            each.port,
            tls if each.scheme == "https" else None,
            weight=each.weight,
            priority=each.priority,
            region=each.region or "",
        )
        for each in settings.endpoints
    ]


def _trust() -> ssl.SSLContext:
    """TLS with the system's authorities. Raises OSError when the gateway has run out of what it takes to read them: OpenSSL
    would go on with none, and every upstream would seem to have a bad certificate."""
    file = ssl.get_default_verify_paths().cafile
    try:
        if file is not None:
            with open(file, "rb"):
                return ssl.create_default_context()
    except OSError as error:
        if shortage_of(error) is not None:
            raise
    return ssl.create_default_context()


def _attempts(attempt: UpstreamAttempt, settings: Settings, clock: Callable[[], float], tools: Tools) -> Attempts:
    pool = attempt.pool
    retry = Retry(settings.retries, clock, tools.wall, random.random) if settings.retries is not None else None
    ejection = None
    if settings.ejection is not None:
        on_event = partial(tools.events.event, upstream=attempt.name)
        ejection = OutlierEjection(settings.ejection, pool.endpoints, clock, pool.balancer.changed, on_event)
    hedge = Hedge(settings.hedge, clock) if settings.hedge is not None else None
    check = settings.health_check
    retry_after = math.ceil(check.interval) if check is not None else 1
    return Attempts(attempt, retry, ejection, hedge, retry_after=retry_after)
