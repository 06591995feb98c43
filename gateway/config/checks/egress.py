"""Checks of the egress listener and its routes: settings that would open it further, and those it cannot honour."""

from __future__ import annotations

from collections.abc import Sequence as Ordered

from gateway.config.model import Config, Route
from gateway.config.problem import Location, Report
from gateway.config.tree import Mapping, child, follow
from gateway.policy.kinds import ROUTE_KINDS

LISTENER = "egress"


def check(config: Config, entry: Mapping, routes: Ordered[tuple[Route, Location]], report: Report) -> None:
    """Reports contradictions in ``listen.egress`` and its routes; endpoints that lead there are for ``checks.loops``."""
    for route, location in routes:
        if route.listener == LISTENER:
            _check_route(route, location, config)
            if not isinstance(child(child(entry, "listen"), LISTENER), Mapping):
                hint = "add listen.egress: {host: 127.0.0.1, port: 8181}"
                location.add(("listener",), "is egress, which is not opened", hint)
    egress = config.listen.egress
    if egress is None:
        return
    at = ("listen", "egress", "port")
    node, _ = follow(entry, at)
    for other, port in (("listen", config.listen.port), ("ops", config.ops.port)):
        if egress.port and egress.port == port:
            report.add_unless_reported(node.position, at, f"is the port of {other} too", "give it one of its own")


def _check_route(route: Route, location: Location, config: Config) -> None:
    if route.procedures:
        location.add(("procedures",), "are not for the egress listener", "name paths")
    for kind in ROUTE_KINDS:
        if kind.of_users and child(location.node, kind.route_key) is not None and route.policies.get(kind.section):
            location.add((kind.route_key,), "is not for the egress listener: no user calls there", "leave it out")
    upstream = config.upstreams.get(route.upstream or "")
    if upstream is not None and upstream.trpc is not None:
        # The egress listener does not parse tRPC, so procedures would be called by path, unchecked.
        location.add(
            ("upstream",), f"names {route.upstream}, which speaks tRPC", "egress is for the services behind it"
        )
