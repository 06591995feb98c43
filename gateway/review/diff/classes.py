"""The classes of requests that two configurations tell apart, one request for each.

Every pattern of either side is a class, and so are what is just below a wildcard and named by nobody, the aliases of
procedures, spellings that another server may read as a named path, and what no pattern names at all. All requests of one class
have the same route on each side, so one of them stands for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, count
from typing import NamedTuple

from gateway.config.model import Config, UpstreamSettings
from gateway.config.routes import GATEWAY_PATHS
from gateway.core.pattern import compile_paths

MOST = 100_000
"""Classes that are looked at; files of the largest size that is read have fewer, unless they are made for this."""


class RequestClass(NamedTuple):
    """``target`` is a request of the class for ``listener``, and ``shown`` is how people write the class. ``before`` is the same
    request on the old side where that has it elsewhere: the procedures of an upstream whose prefix has moved.
    ``spelling``: it differs from a named path only in a way that some servers ignore. ``alias`` is the second name that it
    uses."""

    listener: str
    target: str
    shown: str
    before: str = ""
    spelling: bool = False
    alias: str = ""

    @property
    def moved(self) -> bool:
        return self.before not in ("", self.target)


def classes(old: Config, new: Config) -> Iterator[RequestClass]:
    """The classes of both sides, at most ``MOST`` and each once."""
    seen: set[tuple[str, str, str]] = set()
    for found in chain(_of_paths(old, new), _of_procedures(old, new)):
        key = (found.listener, found.before, found.target)
        if key not in seen and (found.listener != "public" or found.target not in GATEWAY_PATHS):
            seen.add(key)
            yield found
            if len(seen) >= MOST:
                return


def unnamed(patterns: Iterable[str]) -> str:
    """A segment, and a name of a procedure, that none of ``patterns`` has in it."""
    text = "\n".join(patterns)
    return next(word for word in (f"other{number or ''}" for number in count()) if word not in text)


def _of_paths(old: Config, new: Config) -> Iterator[RequestClass]:
    for listener in ("public", "egress"):
        patterns = sorted(
            {path for side in (old, new) for route in side.routes if route.listener == listener for path in route.paths}
        )
        other = unnamed(patterns)
        yield RequestClass(listener, f"/{other}", "any other path")
        wild = compile_paths([(pattern, pattern) for pattern in patterns if pattern[-1:] == "*"])
        for pattern in patterns:
            below = pattern[-1:] == "*"
            yield RequestClass(listener, pattern[:-1] + other if below else pattern, pattern)
            if below:
                yield RequestClass(
                    listener, f"{pattern[:-1]}{other}%2F{other}", f"{pattern} with an encoded slash", spelling=True
                )
            if any(wide != pattern for wide in wild.every(pattern.removesuffix("*"))):
                for spelling in _spellings(pattern, other):
                    yield RequestClass(listener, spelling, spelling, spelling=True)


def _spellings(pattern: str, other: str) -> Iterator[str]:
    """Other spellings of what ``pattern`` names, which some servers take for the same."""
    if pattern[-1:] == "*":
        yield f"{_otherwise(pattern[:-2])}/{other}"
        return
    yield _otherwise(pattern)
    yield pattern.removesuffix("/") if pattern[-1:] == "/" else f"{pattern}/"
    yield f"{pattern.removesuffix('/')}.json"


def _otherwise(path: str) -> str:
    """``path`` with its last segment in the other case."""
    above, slash, last = path.rpartition("/")
    return above + slash + last.swapcase()


def mounts(config: Config) -> dict[str, tuple[str, UpstreamSettings]]:
    """The upstreams with procedures by the prefix that these are under, which ends with a slash."""
    return {
        upstream.trpc.prefix.rstrip("/") + "/": (name, upstream)
        for name, upstream in config.upstreams.items()
        if upstream.trpc is not None
    }


def _of_procedures(old: Config, new: Config) -> Iterator[RequestClass]:
    before, after = mounts(old), mounts(new)
    patterns = sorted({name for side in (old, new) for route in side.routes for name in route.procedures})
    aliases = {
        alias
        for _, upstream in (*before.values(), *after.values())
        if upstream.trpc is not None
        for alias in upstream.trpc.aliases
    }
    other = unnamed((*patterns, *aliases))
    names = {pattern[:-1] + other if pattern[-1:] == "*" else pattern: pattern for pattern in patterns}
    names |= {alias: alias for alias in sorted(aliases) if alias not in names}
    names[other] = "any other procedure"
    moved = _moved(before, after)
    for prefix in sorted({*before, *after}):
        yield RequestClass("public", prefix.rstrip("/") or "/", prefix.rstrip("/") or "/")
        yield RequestClass("public", f"{prefix}{other}/{other}", f"{prefix}*")
        for name, shown in names.items():
            found = RequestClass("public", prefix + name, shown, alias=name if name in aliases else "")
            yield found
            if prefix in moved:
                yield found._replace(before=moved[prefix] + name)


def _moved(
    before: dict[str, tuple[str, UpstreamSettings]], after: dict[str, tuple[str, UpstreamSettings]]
) -> dict[str, str]:
    """The old prefix of the upstreams that have another one now, by the new one."""
    prefixes = {name: prefix for prefix, (name, _) in before.items()}
    return {prefix: prefixes[name] for prefix, (name, _) in after.items() if prefixes.get(name, prefix) != prefix}
