"""Written routes to complete routes: fills defaults in, and reports contradictions."""

from __future__ import annotations

from collections.abc import Mapping as Named
from collections.abc import Sequence
from typing import Any

from gateway.config.model import Defaults, Route, Trpc, UpstreamSettings, WrittenRoute
from gateway.config.policy_keys import INHERITED, names_of, waivers_of
from gateway.config.problem import Location
from gateway.config.tree import Position, child
from gateway.policy.kinds import ROUTE_KINDS, Kind

GATEWAY_PATHS = frozenset(("/health", "/health/live", "/health/ready"))

_NO_DEFAULTS = Defaults.model_validate({kind.route_key: kind.opt_out for kind in INHERITED if kind.opt_out})


def complete(written: WrittenRoute, defaults: Defaults, position: Position) -> Route:
    """``written`` with the defaults for what it does not say."""
    if written.listener == "egress":
        defaults = _NO_DEFAULTS  # the others are made for the app's calls
    return Route(
        name=written.name,
        listener=written.listener,
        procedures=written.procedures,
        paths=written.paths,
        methods=written.methods or (("GET", "POST") if written.procedures else ("GET",)),
        upstream=written.upstream,
        rewrite=written.rewrite,
        deny=written.deny,
        policies=_policies(written, defaults),
        waivers=waivers_of(written),
        batch=written.batch,
        mode=written.mode,
        until=written.until,
        position=position,
    )


def _policies(written: WrittenRoute, defaults: Defaults) -> dict[str, tuple[str, ...]]:
    """See ``Route.policies``. ``auth: null`` is as if it were missing, and a route that denies needs none."""
    policies = {}
    for kind in ROUTE_KINDS:
        names = names_of(
            defaults if kind.inherited and kind.route_key not in written.model_fields_set else written, kind
        )
        if kind.opt_out and names == (kind.opt_out,):
            names = ()
        if names is not None or not kind.opt_out or written.deny:
            policies[kind.section] = names or ()
    return policies


def described(route: Route, reporting: Sequence[str] = ()) -> dict[str, Any]:
    """One route as JSON, as ``gateway routes`` and the operators' listener show it. ``reporting``: those of its policies that
    only report, in words."""
    return {
        "name": route.name,
        "listener": route.listener,
        "procedures": list(route.procedures),
        "paths": list(route.paths),
        "methods": list(route.methods),
        **{kind.route_key: _value(route, kind) for kind in ROUTE_KINDS},
        "batch": route.batch,
        "upstream": route.upstream,
        "rewrite": route.rewrite,
        "deny": route.deny,
        **_trial(route),
        **({"reporting": list(reporting)} if reporting else {}),
    }


def _trial(route: Route) -> dict[str, str]:
    """``mode: report`` and its last day, of a route that has one."""
    until = {} if route.until is None else {"until": str(route.until)}
    return {} if route.mode == "enforce" else {"mode": route.mode, **until}


def _value(route: Route, kind: Kind) -> str | list[str] | dict[str, str] | None:
    """What ``route`` would say after the key of ``kind`` if nothing were inherited."""
    names = route.policies.get(kind.section, ())
    if kind.many:
        return list(names)
    if kind.section in route.waivers:
        return {"none": route.waivers[kind.section]}
    return names[0] if names else kind.opt_out or None


def check(route: Route, location: Location, upstreams: Named[str, UpstreamSettings], whole: bool = True) -> None:
    """Reports everything in one route that contradicts itself or its upstream. ``whole``: no upstream is left out."""
    if "auth" not in route.policies:
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
    if route.deny and route.policies.get("lockouts"):
        location.add(
            ("lockout",), "does not go with deny: nothing is sent on, so no guess can fail", "remove one of the two"
        )
    if route.deny and route.mode == "report":
        location.add(
            ("mode",), "does not go with deny: a closed route stays closed", "remove deny to try the route, or mode"
        )
    _check_lists(route, location)
    upstream = upstreams.get(route.upstream or "")
    if route.procedures:
        _check_procedures(route, location, upstreams, whole)
    if route.paths:
        _check_paths(route, location, upstreams)
    if route.rewrite and upstream and upstream.trpc and _is_below(route.rewrite, upstream.trpc):
        # The upstream would run a procedure that no route has allowed.
        location.add(("rewrite",), "leads to procedures, which would then be run unchecked", "route them by name")


def _check_lists(route: Route, location: Location) -> None:
    for name in ("procedures", "paths", "methods"):
        _check_twice(getattr(route, name), name, location)
    for kind in ROUTE_KINDS:
        if kind.many:
            _check_twice(route.policies[kind.section], kind.route_key, location)


def _check_twice(values: tuple[str, ...], name: str, location: Location) -> None:
    # Values from the defaults are not reported here: they are checked once, where they are written.
    for index, value in enumerate(values if child(location.node, name) else ()):
        if value in values[:index]:
            location.add((name, index), f"lists {value} twice")


def _check_procedures(route: Route, location: Location, upstreams: Named[str, UpstreamSettings], whole: bool) -> None:
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
    if not route.upstream and route.deny and upstreams and not mounts and whole:
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
