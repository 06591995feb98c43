"""The egress listener: the backend's own calls to services, under the same breakers, pools and keys as the clients'.

It stands on loopback and asks for no token, and it adds keys; so it takes no call that a web page in a browser on this
machine could make, and knows no path but those of its own routes.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

from gateway.core.exchange import Exchange
from gateway.core.loopback import names_loopback
from gateway.core.pattern import Table
from gateway.core.verdict import Refusal, refuse
from gateway.policy.identity import build as build_identity
from gateway.proxy.routing.route import CompiledRoute, bind
from gateway.proxy.routing.table import RouteTable

NO_ROUTE = "egress-unmatched"  # in logs and figures, where no route has a name to give


def stranger(fields: dict[bytes, bytes]) -> Refusal | None:
    """The refusal of a request that is not from a service of this machine.

    Browsers send Origin with every POST, and Sec-Fetch-Site with whatever they send to loopback (Fetch Metadata, W3C).
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
    """The routes of the listener. Looks at who asks first, so that a stranger learns no path."""

    def __init__(self, paths: Table[CompiledRoute]) -> None:
        self._unrouted = bind(NO_ROUTE, [(build_identity(), False)])
        self._routes = RouteTable([], paths, lambda _: "batch_refused", self._ending)

    def find(self, exchange: Exchange, method: str) -> CompiledRoute:
        refusal = stranger(exchange.fields)
        return replace(self._unrouted, fixed=refusal) if refusal is not None else self._routes.find(exchange, method)

    def _ending(self, slug: str, error_format: str, allowed: tuple[str, ...]) -> CompiledRoute:
        headers = ((b"allow", ", ".join(allowed).encode()),) if allowed else ()
        return replace(self._unrouted, error_format=error_format, fixed=refuse(slug, headers=headers))


class Egress:
    """What a plane is to its listener: the same upstreams behind other routes. Starting and closing them is the
    plane's. ``group`` is the store's."""

    def __init__(self, paths: Table[CompiledRoute], group: AbstractContextManager[object]) -> None:
        self.group = group
        self.routes = _Routes(paths)
        self.unrouted = bind(NO_ROUTE, [(build_identity(), False)])

    def start(self) -> None:
        """Nothing of its own to start."""

    async def close(self) -> None:
        """Nothing of its own to close."""
