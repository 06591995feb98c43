"""One side of a comparison: its configuration, and what the table that serves makes of a request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple, Protocol

from gateway.config.model import Config, Route
from gateway.config.policy_keys import policies_of
from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal
from gateway.policy.base.settings import Policy
from gateway.policy.kinds import Kind
from gateway.proxy.flow.arrival import Routing
from gateway.proxy.message.head import RequestHead, validate
from gateway.proxy.message.request import ReceivedRequest
from gateway.review.diff.where import Places

_HOST = b"localhost"  # the egress listener takes no other
_DENIED = "route_denied"


class _Egress(Protocol):
    @property
    def routes(self) -> Routing: ...


class Tables(Protocol):
    """The route tables of a compiled configuration: ``proxy.compile.runtime.Runtime`` has them."""

    @property
    def routes(self) -> Routing: ...
    @property
    def egress(self) -> _Egress: ...


class Match(NamedTuple):
    """What becomes of a request before any policy sees it. ``route`` is the configured route that takes it, empty for none;
    ``refused`` is a slug, empty where it is forwarded, and ``procedures`` are those that it calls."""

    route: str
    refused: str
    procedures: tuple[str, ...] = ()


class RoutedSide:
    """``config`` is as it is in force. ``tables`` are of the same."""

    def __init__(self, config: Config, tables: Tables) -> None:
        self.config = config
        self.routes: Mapping[str, Route] = {route.name: route for route in config.routes}
        self.places = Places(config)
        self._tables = {"public": tables.routes, "egress": tables.egress.routes}
        self._head = RequestHead(ReceivedRequest("GET", "/", "1.1", ((b"Host", _HOST),), True, False))
        self._written = {setting.path for setting in config.settings if setting.source != "defaults" and setting.at}

    def match(self, listener: str, method: str, target: str) -> Match:
        """What becomes of a request for ``target``, a path and perhaps a query."""
        exchange = Exchange(method, target, self._head.fields, "127.0.0.1", 0.0)
        refusal = validate(exchange, self._head, len(target) + self._head.bytes)
        if refusal is not None and not exchange.path:
            return Match("", refusal.reason.slug)
        found = self._tables[listener].find(exchange, method)
        slug = found.fixed.reason.slug if isinstance(found.fixed, Refusal) else ""
        taken = not slug or slug == _DENIED
        return Match(found.name if taken else "", slug, tuple(call.procedure for call in exchange.calls))

    def where(self, path: Sequence[str]) -> str:
        """Where the setting at ``path`` is written; of a route at least where that is."""
        return self.places.setting(path) or (self.places.route(path[1]) if path[0] == "routes" else "")

    def fingerprint(self, route: Route) -> str:
        """A digest of all that decides on requests of ``route``, whatever its parts are called. No secret is in it."""
        upstream = self.config.upstreams.get(route.upstream or "")
        found = [
            [*route.methods, route.rewrite, route.deny, route.batch, route.mode, str(route.until)],
            None if upstream is None else upstream.model_dump_json(exclude={"request_headers"}),
            *(
                [section, self.policy(section, name).model_dump_json(warnings=False)]
                for section, names in sorted(route.policies.items())
                for name in names
            ),
        ]
        return blake2b(json.dumps(found).encode(), digest_size=15).hexdigest()

    def policy(self, section: str, name: str) -> Policy:
        """The policy ``name`` of ``section``, which is there."""
        return self.config.policies[section][name]

    def has(self, section: str, name: str) -> bool:
        """Whether ``section`` has a policy ``name``."""
        return name in self.config.policies.get(section, {})

    def inherits(self, route: str, kind: Kind) -> bool:
        """Whether ``route`` has from ``defaults`` what it names of ``kind``, or says the same as they do."""
        found = self.routes[route]
        names = policies_of(self.config.defaults).get(kind.section, ())
        written = f"routes.{route}.{kind.route_key}" in self._written
        return (
            kind.inherited and found.listener == "public" and not written and found.policies.get(kind.section) == names
        )

    def where_named(self, route: str, kind: Kind) -> str:
        """Where it is written what ``route`` names of ``kind``: in itself, or in ``defaults``."""
        if self.inherits(route, kind):
            return self.places.setting(("defaults", kind.route_key))
        return self.where(("routes", route, kind.route_key))
