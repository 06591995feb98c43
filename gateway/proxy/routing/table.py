"""From a canonical path to the route of a request. Default deny: a request that no route matches is refused by name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from gateway.core.exchange import AliasedCall, Call, Exchange
from gateway.core.path import Ambiguous
from gateway.core.path_sent import below, sent_path, stays_below
from gateway.core.pattern import PatternTable
from gateway.core.query import canonical_query, is_canonical
from gateway.core.trpc import ProcedureCalls, calls
from gateway.core.verdict import refuse
from gateway.proxy.routing.route import CompiledRoute, with_verdict

REMEMBERED_BATCHES = 256  # combinations of routes in one batch; clients choose them, so there must be a bound

# Slug, error format, allowed methods, and the route whose policies hold where one was found, to the route that ends a request
# with that refusal.
RefusalRoute = Callable[[str, str, tuple[str, ...], CompiledRoute | None], CompiledRoute]


@dataclass(frozen=True, slots=True)
class TrpcMount:
    """One upstream's tRPC mount: ``prefix`` with its slash, the aliases of its procedures and their routes."""

    prefix: str
    error_format: str
    max_batch: int
    aliases: Mapping[str, str]
    procedures: PatternTable[CompiledRoute]


class RouteTable:
    """The route table of one listener.

    ``merge`` makes the route of a batch over several routes, or gives the slug that refuses it. ``refusal_route`` makes the
    route of a refusal; ``unrouted`` is that of a request whose path cannot be read.
    """

    def __init__(
        self,
        mounts: list[TrpcMount],
        paths: PatternTable[CompiledRoute],
        merge: Callable[[tuple[CompiledRoute, ...]], CompiledRoute | str],
        refusal_route: RefusalRoute,
        unrouted: CompiledRoute,
    ) -> None:
        self._mounts = mounts
        self._paths = paths
        self._merge = merge
        self._refusal_route = refusal_route
        self._unrouted = unrouted
        self._batches: OrderedDict[frozenset[CompiledRoute], CompiledRoute | str] = OrderedDict()

    def find(self, exchange: Exchange, method: str) -> CompiledRoute:
        """The route of ``exchange.path``; sets ``exchange.calls`` and the path and query to forward.

        ``method`` is the request's own, or the one a preflight asks for.
        """
        path = exchange.path
        for mount in self._mounts:
            if path.startswith(mount.prefix):
                return self._procedures(exchange, method, mount)
        routes = self._paths.every(path)
        for route in routes:
            if method in route.methods:
                if route.guarded is not None and route.guarded.reached(path, method):
                    return self._refusal_route("path_ambiguous", "problem", (), route)
                if route.prefixes and not exchange.target.startswith(path):
                    _keep_sent(exchange, route)
                return route
        if not path:
            return self._unspelled(exchange, method)
        if routes:
            allowed = tuple(sorted({name for route in routes for name in route.methods}))
            return self._refusal_route("method_not_allowed", "problem", allowed, routes[0])
        return self._refusal_route("no_route", "problem", (), None)

    def _unspelled(self, exchange: Exchange, method: str) -> CompiledRoute:
        """The route of a path without a canonical spelling: one that any reading of the path leads to, or a refusal."""
        path = sent_path(exchange.target)[0]
        routes = self._paths.every(path)
        kept = {prefix for route in routes for prefix in route.undivided if path.startswith(prefix)}
        kept = {prefix for prefix in kept if stays_below(prefix, path)}
        found = next((route for route in routes if method in route.methods), None)
        if found is not None and not kept.isdisjoint(found.undivided):
            exchange.path, exchange.detail = path, ""
            return found
        takers = [route for route in routes if not kept.isdisjoint(route.undivided)]
        if found is None and takers:
            exchange.detail = ""
            allowed = tuple(sorted({name for route in takers for name in route.methods}))
            return self._refusal_route("method_not_allowed", "problem", allowed, takers[0])
        return with_verdict(self._unrouted, refuse("path_ambiguous", exchange.detail))

    def _procedures(self, exchange: Exchange, method: str, mount: TrpcMount) -> CompiledRoute:
        if is_canonical(exchange.query) is None:
            try:
                exchange.query = canonical_query(exchange.query)
            except Ambiguous:
                return self._refusal_route("path_ambiguous", mount.error_format, (), None)
        found = calls(exchange.path[len(mount.prefix) :], exchange.query, mount.aliases, mount.max_batch)
        if isinstance(found, str):
            return self._refusal_route(found, mount.error_format, (), None)
        names = found.procedures
        if len(names) > 1:
            return self._several(exchange, method, mount, found)
        route = mount.procedures.find(names[0])
        if route is None:
            return self._refusal_route("no_route", mount.error_format, (), None)
        exchange.calls = [Call(names[0], route)]
        if mount.aliases:
            _keep_aliases(exchange, mount)
        exchange.path = mount.prefix + found.tail
        if method in route.methods:
            return route
        return self._refusal_route("method_not_allowed", mount.error_format, tuple(sorted(route.methods)), route)

    def _several(self, exchange: Exchange, method: str, mount: TrpcMount, found: ProcedureCalls) -> CompiledRoute:
        routes: list[CompiledRoute] = []
        for name in found.procedures:
            named = mount.procedures.find(name)
            if named is None:
                return self._refusal_route("batch_malformed", mount.error_format, (), None)
            routes.append(named)
        exchange.calls = [Call(name, named) for name, named in zip(found.procedures, routes, strict=True)]
        if mount.aliases:
            _keep_aliases(exchange, mount)
        exchange.path = mount.prefix + found.tail
        allowed = frozenset.intersection(*(one.methods for one in routes))
        if method not in allowed:
            return self._refusal_route("method_not_allowed", mount.error_format, tuple(sorted(allowed)), _like(routes))
        return self._batch(frozenset(routes), mount)

    def _batch(self, routes: frozenset[CompiledRoute], mount: TrpcMount) -> CompiledRoute:
        if any(route.no_batch for route in routes):
            return self._refusal_route("batch_refused", mount.error_format, (), _like(routes))
        if len(routes) == 1:
            return next(iter(routes))
        merged = self._batches.get(routes)
        if merged is None:
            merged = self._batches[routes] = self._merge(tuple(sorted(routes, key=lambda route: route.name)))
            if len(self._batches) > REMEMBERED_BATCHES:
                self._batches.popitem(last=False)
        if isinstance(merged, str):
            return self._refusal_route(merged, mount.error_format, (), _like(routes))
        return merged


def _keep_aliases(exchange: Exchange, mount: TrpcMount) -> None:
    """Keep by which names the calls of ``exchange`` were made, while its path still has them."""
    calls = exchange.calls
    for index, name in enumerate(exchange.path[len(mount.prefix) :].removesuffix("/").split(",")):
        call = calls[index]
        if call.procedure != name:
            calls[index] = AliasedCall(call.procedure, call.route, name)


def _keep_sent(exchange: Exchange, route: CompiledRoute) -> None:
    """Have the path of ``exchange`` forwarded as it was sent, but for what the patterns of ``route`` name of it."""
    path = exchange.path
    named = [prefix for prefix in route.prefixes if path.startswith(prefix)]
    if named:
        exchange.path = below(min(named, key=len), sent_path(exchange.target)[0])


def _like(routes: Collection[CompiledRoute]) -> CompiledRoute | None:
    """One of ``routes``, where all have the same policies."""
    first, *others = routes
    return first if all(other.policies == first.policies for other in others) else None
