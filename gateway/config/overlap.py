"""Routes that cannot be reached, because routes above them take everything they would match."""

from __future__ import annotations

from collections.abc import Mapping as Named
from collections.abc import Sequence as Ordered

from gateway.config.model import Route, Upstream
from gateway.config.routes import Spot
from gateway.core.pattern import covers


def check(routes: Ordered[tuple[Route, Spot]], upstreams: Named[str, Upstream]) -> None:
    """Tells every pattern of a route that no request can reach, and which route is in its way.

    Procedures are matched by name alone; a path may be taken by several routes, each with some of its methods.
    """
    for place, (route, spot) in enumerate(routes):
        above = [earlier for earlier, _ in routes[:place]]
        for index, procedure in enumerate(route.procedures):
            taker = _procedure_taker(procedure, route, above, upstreams)
            if taker:
                spot.tell(("procedures", index), *_sentence(procedure, taker))
        for index, path in enumerate(route.paths):
            takers = _path_takers(path, route, above)
            if takers:
                spot.tell(("paths", index), *_sentence(path, " and ".join(takers)))


def _sentence(pattern: str, takers: str) -> tuple[str, str]:
    return f"{pattern} is never reached: {takers} above takes it", "move this route up, or remove what is doubled"


def _procedure_taker(procedure: str, route: Route, above: list[Route], upstreams: Named[str, Upstream]) -> str | None:
    """The route that takes ``procedure`` under every prefix where ``route`` would."""
    mounts = {name for name, upstream in upstreams.items() if upstream.trpc}
    wanted = {route.upstream} if route.upstream else mounts
    for earlier in above:
        reached = {earlier.upstream} if earlier.upstream else mounts
        if wanted <= reached and any(covers(pattern, procedure) for pattern in earlier.procedures):
            return earlier.name
    return None


def _path_takers(path: str, route: Route, above: list[Route]) -> list[str]:
    """The routes that together take every method of ``path``; empty when one is left over."""
    left = set(route.methods)
    takers = []
    for earlier in above:
        if left & set(earlier.methods) and any(covers(pattern, path) for pattern in earlier.paths):
            takers.append(earlier.name)
            left -= set(earlier.methods)
    return takers if not left else []
