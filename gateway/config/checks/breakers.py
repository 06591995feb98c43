"""Checks of breakers against the rest of the configuration: the routes they name, the health checks they need."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as Named
from typing import Any

from gateway.config.model import UpstreamSettings
from gateway.config.policies import Written
from gateway.config.problem import Location, Report, nearest
from gateway.policy.base.settings import Policy

SECTION = "breakers"


def check_probes(upstreams: Named[str, UpstreamSettings], location: Location, policies: Named[str, Policy]) -> None:
    """Reports every upstream whose breaker waits for health checks that are not configured: it would stay open for ever."""
    for name, upstream in upstreams.items():
        settings: Any = policies.get(upstream.breaker or "")
        if upstream.health_check is None and getattr(settings, "probe", "") == "health_check":
            sentence = f"names {upstream.breaker}, which is tried by health checks, and there are none"
            location.add((name, "breaker"), sentence, "write a health_check, or probe: request in the breaker")


def check_required(upstreams: Named[str, UpstreamSettings], location: Location, policies: Named[str, Policy]) -> None:
    """Reports every required upstream of which nothing would show that it is dead: health would be ok for ever. An ejection
    does not, since it leaves at least one endpoint in."""
    for name, upstream in upstreams.items():
        refuses = getattr(policies.get(upstream.breaker or ""), "mode", "enforce") == "enforce"
        if upstream.required and upstream.health_check is None and (upstream.breaker is None or not refuses):
            sentence = "is true, and nothing would show that the upstream is dead"
            location.add((name, "required"), sentence, "write a health_check, or name a breaker that is enforced")


def check_breakers(
    policies: Named[str, Policy],
    written: Named[tuple[str, str], Written],
    routes: Collection[str] | None,
    report: Report,
) -> None:
    """Reports every route under a breaker's ``ignore`` that does not exist: its statuses would count after all. ``routes`` is
    None where they could not be read whole."""
    if routes is None:
        return
    for name, settings in policies.items():
        location = Location(written[SECTION, name].node, (SECTION, name), report)
        ignored: Any = getattr(settings, "ignore", {})
        for route in ignored:
            if route not in routes:
                location.add(("ignore", route), f"names {route}, which is not in routes", nearest(route, routes))
