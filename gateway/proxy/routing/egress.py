"""The routes of the egress listener: the backend's own calls, with the breakers, pools and keys of the clients' calls.

The listener is on loopback, asks for no token and adds keys. So it takes no call that a web page in a browser on this
machine could make, and serves no path but those of its own routes.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

from gateway.core.exchange import Exchange
from gateway.core.loopback import names_loopback
from gateway.core.pattern import PatternTable
from gateway.core.verdict import Refusal, refuse
from gateway.policy.identity import build as build_identity
from gateway.proxy.routing.route import Built, CompiledRoute, bind, not_taken, with_verdict
from gateway.proxy.routing.table import RouteTable

NO_ROUTE = "egress-unmatched"  # in logs and metrics, where no route has a name to give


def stranger(fields: dict[bytes, bytes]) -> Refusal | None:
    """The refusal of a request that is not from a service of this machine.

    Browsers send Origin with every POST, and Sec-Fetch-Site with every request to loopback (Fetch Metadata, W3C).
    """
    if b"origin" in fields:
        return refuse("origin_refused", "the egress listener takes no calls of web pages")
    if b"sec-fetch-site" in fields:
        return refuse("origin_refused", "a browser's call to the egress listener")
    host = fields.get(b"host", b"")
    if not names_loopback(host.decode("latin-1")):
        return refuse("host_refused", "Host is not this machine")
    return None


class _Routes:
    """The routes of the listener. The client is checked before the path, so that a stranger learns no path."""

    def __init__(self, paths: PatternTable[CompiledRoute], unrouted: CompiledRoute) -> None:
        self._unrouted = unrouted
        self._routes = RouteTable([], paths, lambda _: "batch_refused", self._refusal, self._unrouted)

    def find(self, exchange: Exchange, method: str) -> CompiledRoute:
        refusal = stranger(exchange.fields)
        if refusal is not None:
            return with_verdict(self._unrouted, refusal)
        return self._routes.find(exchange, method)

    def _refusal(
        self, slug: str, error_format: str, allowed: tuple[str, ...], _: CompiledRoute | None
    ) -> CompiledRoute:
        return replace(self._unrouted, error_format=error_format, fixed=not_taken(slug, allowed))


class EgressRuntime:
    """The part of a runtime that the egress listener serves: other routes to the same upstreams, which the runtime itself
    starts and closes. ``group`` is ``Store.group_commit``, ``digest`` the short one of the configuration."""

    def __init__(
        self, paths: PatternTable[CompiledRoute], group: AbstractContextManager[object], digest: str = ""
    ) -> None:
        self.group = group
        self.unrouted = replace(bind(NO_ROUTE, [Built(build_identity(), kind="identity")]), config=digest)
        self.routes = _Routes(paths, self.unrouted)
