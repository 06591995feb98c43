"""Checks of names that refer to something: it must exist, and make sense where it is named."""

from __future__ import annotations

import math
from collections.abc import Collection
from collections.abc import Mapping as Named
from typing import Any

from gateway.config.hints import unknown_name
from gateway.config.model import Route, State, UpstreamSettings
from gateway.config.policies import Written
from gateway.config.policy_keys import UNKNOWN
from gateway.config.problem import Location, Report, nearest
from gateway.config.tree import child, follow
from gateway.policy.base.settings import Policy
from gateway.policy.kinds import ROUTE_KINDS


def check_policies(names: Named[str, Collection[str]], location: Location, known: Named[str, Collection[str]]) -> None:
    """Adds each of ``names`` (section -> names) that is written at ``location`` itself and not among ``known``.

    A section that is not in ``known`` could not be read whole, which is reported already."""
    for kind in ROUTE_KINDS:
        if child(location.node, kind.route_key) is None or kind.section not in known:
            continue  # inherited: reported once, where the defaults are written
        for index, name in enumerate(names.get(kind.section, ())):
            if name != UNKNOWN and name not in known[kind.section]:
                path = (kind.route_key, index) if kind.many else (kind.route_key,)
                hint = unknown_name(name, kind.section, known, [kind.opt_out] if kind.opt_out else [])
                location.add(path, f"names {name}, which is not in {kind.section}", hint)


def check_upstream(route: Route, location: Location, known: Collection[str] | None) -> None:
    """Reports an upstream of ``route`` that does not exist. ``known`` is None where they could not be read whole."""
    if known is not None and route.upstream and route.upstream not in known:
        location.add(
            ("upstream",), f"names {route.upstream}, which is not in upstreams", nearest(route.upstream, known)
        )


def check_calling(upstreams: Named[str, UpstreamSettings], location: Location) -> None:
    """Reports settings of an upstream's calls that its other settings make pointless."""
    for name, upstream in upstreams.items():
        retries, response = upstream.retries, upstream.timeouts.response
        if retries and retries.attempt_timeout and retries.attempt_timeout >= response:
            sentence = "leaves no time for a second attempt: all attempts together end with timeouts.response"
            location.add((name, "retries", "attempt_timeout"), sentence, "make it shorter than that")
        hedge = upstream.hedge
        if hedge and isinstance(hedge.after, float) and hedge.after >= response:
            sentence = "is never reached: timeouts.response ends a call before"
            location.add((name, "hedge", "after"), sentence, "make it shorter than that")
        _check_endpoints(name, upstream, location)


def _check_endpoints(name: str, upstream: UpstreamSettings, location: Location) -> None:
    first: dict[tuple[str, str, int], int] = {}
    for index, endpoint in enumerate(upstream.endpoints):
        earlier = first.setdefault((endpoint.scheme, endpoint.host, endpoint.port), index)
        if earlier != index:
            below = (name, "endpoints", index, "url")
            location.add(below, f"is the same as endpoints[{earlier}]", "write it once, with a weight")
    named = any(endpoint.named for endpoint in upstream.endpoints)
    if upstream.resolve and not named:
        location.add((name, "resolve"), "has nothing to look up: all endpoints are addresses", "remove it")
    ejection, count = upstream.ejection, len(upstream.endpoints)
    if named and (upstream.resolve or ejection):
        return  # each address is an endpoint, and their number is known after the first lookup
    if upstream.hedge and count < 2:
        location.add(
            (name, "hedge"), "needs a second endpoint to send the second call to", "remove it, or name another"
        )
    if ejection and ejection.most * count + 1e-9 < 1:
        least = math.ceil(100 / count) if count > 1 else 0
        hint = f"write most: {least}% or more" if least else "remove ejection, or name more endpoints"
        location.add((name, "ejection"), f"would never leave one out: most allows none of {count}", hint)


def check_keys(route: Route, location: Location, limits: Named[str, Policy]) -> None:
    """Reports limits by principal on a route without one: they would never count."""
    if route.policies.get("auth") != () or route.deny:
        return
    for index, name in enumerate(route.policies["rate_limits"]):
        settings: Any = limits.get(name)
        if "principal" in getattr(settings, "key", ()):
            sentence = f"{name} counts by principal, but a public route knows none"
            location.add(("rate_limits", index), sentence, "use a limit by address, or ask for a token with auth")


def check_leases(
    limits: Named[str, Policy], state: State, written: Named[tuple[str, str], Written], report: Report
) -> None:
    """Reports leases of limits where there is no Redis to lease from."""
    for name, limit in limits.items():
        settings: Any = limit
        if state.redis is None and getattr(settings, "lease", None) is not None:
            node, _ = follow(written["rate_limits", name].node, ("lease",))
            sentence = "is for limits in Redis, and there is no state.redis"
            hint = "remove it: the embedded store answers at once"
            report.add_unless_reported(node.position, ("rate_limits", name, "lease"), sentence, hint)


def check_key(state: State, location: Location) -> None:
    """Reports a missing key where replicas share a Redis: each would store other hashes of the same name."""
    if state.redis is not None and not state.key:
        sentence = "is missing: with redis all replicas have to store names as hashes under the same key"
        location.add(("key",), sentence, "make one with: openssl rand -base64 32")


def check_mounts(upstreams: Named[str, UpstreamSettings], location: Location) -> None:
    """Reports aliases of aliases, and two upstreams that share a tRPC prefix."""
    prefixes: dict[str, str] = {}
    for name, upstream in upstreams.items():
        if upstream.trpc is None:
            continue
        first = prefixes.setdefault(upstream.trpc.prefix.lower(), name)
        if first != name:
            below = (name, "trpc", "prefix")
            location.add(below, f"is the prefix of {first} too, which would get all calls", "give each its own")
        for alias, procedure in upstream.trpc.aliases.items():
            if procedure in upstream.trpc.aliases:
                sentence = f"leads to {procedure}, which is an alias itself"
                location.add((name, "trpc", "aliases", alias), sentence, "name the procedure")
