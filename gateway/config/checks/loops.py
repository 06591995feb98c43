"""Check for upstreams that are this gateway itself: a request would go round, pass the checks of tokens by way of egress, or
reach what is for operators only.

A loop over other machines is found when it happens, by Via (``core.via``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from collections.abc import Mapping as Named

from gateway.config.listen_settings import EgressSettings
from gateway.config.model import Config, Route
from gateway.config.own_addresses import OwnAddresses, this_machine
from gateway.config.problem import Report
from gateway.config.tree import Mapping, NodePath, follow
from gateway.config.upstream_settings import EndpointSettings
from gateway.core.loopback import is_loopback
from gateway.policy.base.settings import Policy

_HINT = "name the service itself"


def check(config: Config, entry: Mapping, report: Report, own: Callable[[], OwnAddresses] = this_machine) -> None:
    """Reports endpoints that are a listener of this gateway, as far as the machine itself knows their names."""
    for path, sentence, hint in leading_back(config, own):
        node, _ = follow(entry, path)
        report.add_unless_reported(node.position, path, sentence, hint)


def leading_back(config: Config, own: Callable[[], OwnAddresses]) -> Iterator[tuple[NodePath, str, str]]:
    """The endpoints that are the egress listener, the operators' one, or the public one where public routes call them: the
    path of each in the configuration, what it does, and a hint. ``own`` gives what this machine is called."""
    listen, ops = config.listen, config.ops
    called = public_upstreams(config.routes, config)
    for name, upstream in config.upstreams.items():
        for index, endpoint in enumerate(upstream.endpoints):
            path = ("upstreams", name, "endpoints", index, "url")
            if _is_egress(endpoint, listen.egress, own):
                yield path, "leads to the egress listener", _HINT  # past all token checks
            elif ops.port and endpoint.port == ops.port and own().reaches(endpoint.host, ops.host):
                hint = f"{_HINT}: what operators may do is not for clients"
                yield path, "leads to the operators' listener", hint
            elif (
                listen.port
                and endpoint.port == listen.port
                and name in called
                and own().reaches(endpoint.host, listen.host)
            ):
                sentence = "leads to the public listener of this gateway: each request would come round as another one"
                yield path, sentence, _HINT


def _is_egress(endpoint: EndpointSettings, egress: EgressSettings | None, own: Callable[[], OwnAddresses]) -> bool:
    if egress is None or not egress.port or endpoint.port != egress.port:
        return False
    return is_loopback(endpoint.host) or own().reaches(endpoint.host, egress.host)


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
