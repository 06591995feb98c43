"""Check for routes that cannot be reached, because routes above them match everything they would."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Named
from collections.abc import Sequence as Ordered

from gateway.config.model import Route, UpstreamSettings
from gateway.config.problem import Location
from gateway.config.tree import NodePath
from gateway.core.pattern import covers


def check(routes: Ordered[tuple[Route, Location]], upstreams: Named[str, UpstreamSettings]) -> None:
    """Reports every pattern of a route that no request can reach, and the routes that match before it.

    Procedures are matched by name alone; a path may be taken by several routes, each with some of its methods.
    """
    for number, (route, location) in enumerate(routes):
        above = [earlier for earlier, _ in routes[:number] if earlier.listener == route.listener]
        for index, procedure in enumerate(route.procedures):
            _add(("procedures", index), procedure, _procedure_takers(procedure, route, above, upstreams), location)
        for index, path in enumerate(route.paths):
            _add(("paths", index), path, _path_takers(path, route, above), location)


def _add(below: NodePath, pattern: str, takers: Iterable[str], location: Location) -> None:
    names = " and ".join(dict.fromkeys(takers))
    if names:
        sentence = f"{pattern} is never reached: it stands below {names}"
        location.add(below, sentence, "move this route up, or remove what is doubled")


def _procedure_takers(
    procedure: str, route: Route, above: list[Route], upstreams: Named[str, UpstreamSettings]
) -> list[str]:
    """The routes that together match ``procedure`` under every prefix where ``route`` does; empty when one is left."""
    mounts = [name for name, upstream in upstreams.items() if upstream.trpc]
    takers = []
    for mount in mounts if route.upstream is None else [route.upstream]:
        taker = next((earlier.name for earlier in above if _takes(earlier, procedure, mount)), None)
        if taker is None:
            return []
        takers.append(taker)
    return takers


def _takes(route: Route, procedure: str, mount: str) -> bool:
    return route.upstream in (mount, None) and any(covers(pattern, procedure) for pattern in route.procedures)


def _path_takers(path: str, route: Route, above: list[Route]) -> list[str]:
    """The routes that together match ``path`` with every method; empty when a method is left."""
    left = set(route.methods)
    takers = []
    for earlier in above:
        if left & set(earlier.methods) and any(covers(pattern, path) for pattern in earlier.paths):
            takers.append(earlier.name)
            left -= set(earlier.methods)
    return takers if not left else []
