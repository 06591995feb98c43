"""Check for upstreams that are this gateway itself: a request would go round, or reach what is for operators only.

What leads to the egress listener is refused for another reason (``config.checks.egress``), so no request can go from the
public listener to itself by way of that. A loop over other machines is found when it happens, by Via (``core.via``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from collections.abc import Mapping as Named

from gateway.config.model import Config, Route
from gateway.config.own_addresses import OwnAddresses, this_machine
from gateway.config.problem import Report
from gateway.config.tree import Mapping, follow
from gateway.policy.base.settings import Policy


def check(config: Config, entry: Mapping, report: Report, own: Callable[[], OwnAddresses] = this_machine) -> None:
    """Reports endpoints that are the public listener, of upstreams that public routes call, and the operators' one."""
    listen, ops = config.listen, config.ops
    called = public_upstreams(config.routes, config)
    for name, upstream in config.upstreams.items():
        for index, endpoint in enumerate(upstream.endpoints):
            path = ("upstreams", name, "endpoints", index, "url")
            if ops.port and endpoint.port == ops.port and own().reaches(endpoint.host, ops.host):
                sentence = "leads to the operators' listener"
                hint = "name the service itself: what operators may do is not for clients"
            elif (
                listen.port
                and endpoint.port == listen.port
                and name in called
                and own().reaches(endpoint.host, listen.host)
            ):
                sentence = "leads to the public listener of this gateway: each request would come round as another one"
                hint = "name the service itself"
            else:
                continue
            node, _ = follow(entry, path)
            report.add_unless_reported(node.position, path, sentence, hint)


def public_upstreams(routes: Collection[Route], config: Config) -> frozenset[str]:
    """The upstreams that a request to the public listener may be sent to, those of fallbacks among them."""
    fallbacks: Named[str, Policy] = config.policies.get("fallbacks", {})
    called = {route.upstream for route in routes if route.listener == "public" and route.upstream and not route.deny}
    found: set[str] = set()
    while called:
        name = called.pop()
        found.add(name)
        upstream = config.upstreams.get(name)
        for fallback in upstream.fallback if upstream is not None else ():
            other = getattr(fallbacks.get(fallback), "upstream", None)
            if other and other not in found:
                called.add(other)
    return frozenset(found)
