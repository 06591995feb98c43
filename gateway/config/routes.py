"""Routes as they are written to routes that are complete: defaults filled in, and what makes no sense told."""

from __future__ import annotations

from collections.abc import Mapping as Named
from typing import Any

from gateway.config.model import Defaults, Route, Trpc, UpstreamSettings, WrittenRoute
from gateway.config.policies import PUBLIC
from gateway.config.problem import Location
from gateway.config.tree import Position, child

INHERITED = ("auth", "cors", "rate_limits", "body", "response_headers")
GATEWAY_PATHS = frozenset(("/health", "/health/live", "/health/ready"))


_NONE = Defaults(auth=PUBLIC)


def complete(written: WrittenRoute, defaults: Defaults, position: Position) -> Route:
    """``written`` with the defaults for what it does not say. ``auth: null`` and a missing one both leave ``auth`` empty."""
    if written.listener == "egress":
        defaults = _NONE  # made for the app's calls
    inherited: dict[str, Any] = {
        name: getattr(written if name in written.model_fields_set else defaults, name) for name in INHERITED
    }
    inherited["auth"] = inherited["auth"] or (PUBLIC if written.deny else "")
    inherited["rate_limits"] = inherited["rate_limits"] or ()
    return Route(
        name=written.name,
        listener=written.listener,
        procedures=written.procedures,
        paths=written.paths,
        methods=written.methods or (("GET", "POST") if written.procedures else ("GET",)),
        upstream=written.upstream,
        rewrite=written.rewrite,
        deny=written.deny,
        batch=written.batch,
        lockout=written.lockout,
        position=position,
        **inherited,
    )


def check(route: Route, location: Location, upstreams: Named[str, UpstreamSettings]) -> None:
    """Tells everything about one route that contradicts itself or its upstream."""
    if not route.auth:
        location.add(
            ("auth",), "is missing: nothing says who may use this route", "name a policy, or write auth: public"
        )
    if not route.procedures and not route.paths:
        location.add((), "has neither procedures nor paths, so it matches nothing")
    if route.procedures and route.paths:
        location.add(("paths",), "stands beside procedures", "make two routes of it")
    if not route.upstream and not route.deny:
        location.add(
            ("upstream",), "is missing: nothing says where requests go", "name an upstream, or deny with a reason"
        )
    if route.deny and route.lockout:
        location.add(
            ("lockout",), "does not go with deny: nothing is sent on, so no guess can fail", "remove one of the two"
        )
    for name in ("procedures", "paths", "methods", "rate_limits"):
        _check_twice(getattr(route, name), name, location)
    upstream = upstreams.get(route.upstream or "")
    if route.procedures:
        _check_procedures(route, location, upstreams)
    if route.paths:
        _check_paths(route, location, upstreams)
    if route.rewrite and upstream and upstream.trpc and _is_below(route.rewrite, upstream.trpc):
        # The upstream would run a procedure that no route has decided about.
        location.add(("rewrite",), "leads to procedures, which would then be run unchecked", "route them by name")


def _check_twice(values: tuple[str, ...], name: str, location: Location) -> None:
    # From the defaults nothing is told here: they are checked once, where they stand.
    for index, value in enumerate(values if child(location.node, name) else ()):
        if value in values[:index]:
            location.add((name, index), f"lists {value} twice")


def _check_procedures(route: Route, location: Location, upstreams: Named[str, UpstreamSettings]) -> None:
    if route.rewrite:
        location.add(("rewrite",), "does not go with procedures: their path is their name")
    for index, method in enumerate(route.methods):
        if method not in ("GET", "POST"):
            location.add(("methods", index), f"has {method}, which no procedure takes", "use GET and POST")
    mounts = {name: upstream.trpc for name, upstream in upstreams.items() if upstream.trpc}
    if route.upstream in upstreams and route.upstream not in mounts:
        location.add(
            ("upstream",), f"names {route.upstream}, which has no trpc", f"give upstreams.{route.upstream} a trpc"
        )
    reached = [mounts[route.upstream]] if route.upstream in mounts else [] if route.upstream else list(mounts.values())
    if not route.upstream and route.deny and upstreams and not mounts:
        location.add(("procedures",), "need an upstream with trpc, and there is none")
    for index, procedure in enumerate(route.procedures):
        names = {trpc.aliases[procedure] for trpc in reached if procedure in trpc.aliases}
        if names and all(procedure in trpc.aliases for trpc in reached):
            name = names.pop()
            location.add(("procedures", index), f"{procedure} is an alias: it never reaches a route", f"write {name}")


def _check_paths(route: Route, location: Location, upstreams: Named[str, UpstreamSettings]) -> None:
    if route.batch == "deny":
        location.add(("batch",), "is for procedures only")
    for index, path in enumerate(route.paths):
        if path in GATEWAY_PATHS and route.listener == "public":
            location.add(("paths", index), f"{path} is never reached: the gateway itself answers it")
        if route.rewrite and path.endswith("*"):
            sentence = "turns all of these paths into one"
            location.add(("rewrite",), sentence, "give each path that is rewritten a route of its own")
        for name, upstream in upstreams.items():
            if upstream.trpc and _is_below(path, upstream.trpc):
                sentence = f"{path} is never reached: everything below {upstream.trpc.prefix} is a procedure of {name}"
                location.add(("paths", index), sentence, "use procedures")


def _is_below(path: str, trpc: Trpc) -> bool:
    return path.startswith(trpc.prefix + "/")
