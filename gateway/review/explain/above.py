"""Why a request does not take the routes above its own: which part of each did not match."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gateway.config.model import Config, Route, Trpc
from gateway.config.path_guards import methods_of
from gateway.core.pattern import compile_paths, compile_procedures
from gateway.core.trpc import calls


class NotTaken(NamedTuple):
    """A route that a request does not take: ``part`` of it did not match (``listener``, ``upstream``, ``procedure``, ``path``,
    ``method``), and ``why``, a sentence."""

    route: str
    where: str
    part: str
    why: str


class RoutedBy(NamedTuple):
    """What the route of a request is found by. ``method`` is the one that a preflight asks for where it is one."""

    listener: str
    method: str
    path: str
    query: str


def above(config: Config, asked: RoutedBy, taken: Sequence[str]) -> list[NotTaken]:
    """The routes above the last of those ``taken``; all of them where the request takes none. One that a call takes and whose
    method keeps the request away is not taken."""
    names = {route.name: index for index, route in enumerate(config.routes)}
    last = max((names[name] for name in taken if name in names), default=len(config.routes))
    mount = _mount(config, asked)
    procedures = _procedures(asked, mount[1]) if mount is not None else ()
    return [
        NotTaken(route.name, f"{route.position.file}:{route.position.line}", *part)
        for route in config.routes[: last + 1]
        if (part := _part(route, asked, mount, procedures)) is not None
        and (route.name not in taken or part[0] == "method")
    ]


def _mount(config: Config, asked: RoutedBy) -> tuple[str, Trpc] | None:
    """The upstream whose tRPC prefix the path is under, as ``proxy.compile.runtime`` finds it: the longest prefix takes it."""
    mounts = ((name, of.trpc) for name, of in config.upstreams.items() if of.trpc is not None)
    under = [(name, trpc) for name, trpc in mounts if asked.path.startswith(trpc.prefix.rstrip("/") + "/")]
    return max(under, key=lambda one: len(one[1].prefix), default=None) if asked.listener == "public" else None


def _procedures(asked: RoutedBy, trpc: Trpc) -> tuple[str, ...]:
    tail = asked.path[len(trpc.prefix.rstrip("/")) + 1 :]
    found = calls(tail, asked.query, trpc.aliases, trpc.max_batch)
    return (tail,) if isinstance(found, str) else found.procedures


def _part(
    route: Route, asked: RoutedBy, mount: tuple[str, Trpc] | None, procedures: tuple[str, ...]
) -> tuple[str, str] | None:
    if mount is not None:
        if route.listener != asked.listener:
            return "listener", f"it is of the {route.listener} listener"
        if not route.procedures:
            return "path", f"below {mount[1].prefix} procedures decide, and it has paths"
        if route.upstream not in (mount[0], None):
            return "upstream", f"{mount[1].prefix} is of {mount[0]}, and it is of {route.upstream}"
        table = compile_procedures([(pattern, True) for pattern in route.procedures])
        if not any(table.find(name) for name in procedures):
            return "procedure", f"it takes {_few(route.procedures)}"
    else:
        if not route.paths:
            return "path", "it takes procedures, and the path is below no prefix of them"
        if not compile_paths([(pattern, True) for pattern in route.paths]).find(asked.path):
            return "path", f"it takes {_few(route.paths)}"
        if route.listener != asked.listener:  # asked last: it would have been this one's on the other listener
            return "listener", f"it is of the {route.listener} listener"
    methods = methods_of(route)
    if asked.method not in methods:
        return "method", f"it takes {', '.join(sorted(methods))}"
    return None


def _few(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(_shown(names, most))


def _shown(names: Sequence[str], most: int) -> Iterator[str]:
    yield from names[:most]
    if len(names) > most:
        yield f"and {len(names) - most} more"
