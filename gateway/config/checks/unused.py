"""Check for what nothing refers to: a protection that is written and named nowhere protects nothing."""

from __future__ import annotations

from collections.abc import Mapping as Named
from typing import Any

from gateway.config.model import Config
from gateway.config.policies import Written
from gateway.config.policy_keys import policies_of
from gateway.config.problem import Location, Report
from gateway.policy.kinds import SECTIONS


def check(config: Config, written: Named[tuple[str, str], Written], upstreams: Location, report: Report) -> None:
    """Warns of every policy that neither a route nor the defaults nor an upstream name, and of every upstream to which no
    route and no fallback lead."""
    used = {(section, name) for section, names in policies_of(config.defaults).items() for name in names}
    for route in config.routes:
        used |= {(section, name) for section, names in route.policies.items() for name in names}
    for upstream in config.upstreams.values():
        used |= {("breakers", upstream.breaker or ""), *(("fallbacks", name) for name in upstream.fallback)}
    for section, name in written.keys() - used:
        key = SECTIONS[section].route_key if section in SECTIONS else section
        where = f"a route's {key}" if key else f"the {section.removesuffix('s')} of an upstream"
        policy = written[section, name]
        report.warn(policy.position, (section, name), "is used by nothing", f"name it in {where}, or remove it")
    fallbacks: dict[str, Any] = dict(config.policies.get("fallbacks", {}))
    reached = {route.upstream for route in config.routes} | {
        getattr(settings, "upstream", None) for name, settings in fallbacks.items() if ("fallbacks", name) in used
    }
    for name in config.upstreams.keys() - reached:
        upstreams.warn((name,), "is used by nothing", "name it in a route's upstream, or remove it")
