"""Checks of the breaker and the fallbacks of an upstream: they must exist, and the fallbacks must be able to work."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as Named
from typing import Any

from gateway.config.hints import unknown_name
from gateway.config.model import UpstreamSettings
from gateway.config.policies import Written
from gateway.config.problem import Location, Report, nearest
from gateway.config.tree import NodePath, Sequence, child, follow
from gateway.policy.base.settings import Policy

JSON = "application/json"


def check(
    upstreams: Named[str, UpstreamSettings],
    location: Location,
    known: Named[str, Collection[str]],
    fallbacks: Named[str, Policy],
) -> None:
    """Reports breakers and fallbacks that an upstream names and no file defines, and fallbacks that cannot work.

    ``known`` holds the names of all policies by section, ``fallbacks`` the settings of the valid ones.
    """
    for upstream, settings in upstreams.items():
        if settings.breaker is not None:
            _check_named("breakers", settings.breaker, (upstream, "breaker"), location, known)
        _Chain(upstream, upstreams, location, fallbacks).check(known)


def check_targets(
    written: Named[tuple[str, str], Written],
    fallbacks: Named[str, Policy],
    upstreams: Collection[str] | None,
    report: Report,
) -> None:
    """Reports every fallback whose upstream does not exist. ``upstreams`` is None where they could not be read whole."""
    if upstreams is None:
        return
    for name, policy in fallbacks.items():
        target = _target(policy)
        if target is not None and target not in upstreams:
            node, _ = follow(written["fallbacks", name].node, ("upstream",))
            sentence = f"names {target}, which is not in upstreams"
            report.add_unless_reported(
                node.position, ("fallbacks", name, "upstream"), sentence, nearest(target, upstreams)
            )


def _check_named(
    section: str, name: str, below: NodePath, location: Location, known: Named[str, Collection[str]]
) -> None:
    if section in known and name not in known[section]:
        location.add(below, f"names {name}, which is not in {section}", unknown_name(name, section, known))


def _target(fallback: Policy | None) -> str | None:
    target: str | None = getattr(fallback, "upstream", None)
    return target


class _Chain:
    """The list of fallbacks of one upstream, in order."""

    def __init__(
        self, name: str, upstreams: Named[str, UpstreamSettings], location: Location, fallbacks: Named[str, Policy]
    ) -> None:
        self._name = name
        self._upstream = upstreams[name]
        self._upstreams = upstreams
        self._spot = location
        self._fallbacks = fallbacks
        written = child(child(location.node, name), "fallback")
        self._listed = isinstance(written, Sequence)

    def _at(self, index: int) -> NodePath:
        return (self._name, "fallback", index) if self._listed else (self._name, "fallback")

    def check(self, known: Named[str, Collection[str]]) -> None:
        last = hop = ""
        for index, name in enumerate(self._upstream.fallback):
            at = self._at(index)
            _check_named("fallbacks", name, at, self._spot, known)
            settings: Any = self._fallbacks.get(name)
            if name in self._upstream.fallback[:index]:
                self._spot.add(at, f"lists {name} twice")
            elif last:
                self._spot.add(at, f"is never reached: {last} before it always has an answer", "move it up")
            if settings is None:
                continue
            target = _target(settings)
            if target is not None:
                self._check_hop(target, hop, at)
                hop = name
            elif settings.stale is None and settings.mode == "enforce":
                last = last or name
            if self._upstream.trpc and settings.file is not None and settings.type != JSON:
                self._spot.add(at, f"names {name}, a file of {settings.type}: procedures answer in JSON")

    def _check_hop(self, target: str, before: str, at: NodePath) -> None:
        if before:
            self._spot.add(at, f"leads to another upstream, as {before} does", "name one of them: a call makes one hop")
        way = self._way(target)
        if way:
            self._spot.add(at, f"leads in a circle: {' to '.join((self._name, *way))}", "let it end somewhere")
            return
        other = self._upstreams.get(target)
        if other is None:
            return  # reported by check_targets, or as a problem of that upstream
        ours, theirs = ((trpc.prefix, trpc.transformer) if trpc else None for trpc in (self._upstream.trpc, other.trpc))
        if ours != theirs:
            # A path that matched a path route could call a procedure there that no route has allowed.
            sentence = f"leads to {target}, whose trpc is another one"
            self._spot.add(at, sentence, "give both the same prefix and transformer, or neither a trpc")

    def _way(self, target: str) -> tuple[str, ...]:
        """The names from ``target`` along the upstreams' own fallbacks back to this one; empty when there is no circle."""
        seen: set[str] = set()
        ways: list[tuple[str, ...]] = [(target,)]
        while ways:
            way = ways.pop()
            if way[-1] == self._name:
                return way
            upstream = self._upstreams.get(way[-1])
            if upstream is None or way[-1] in seen:
                continue
            seen.add(way[-1])
            nexts = (_target(self._fallbacks.get(name)) for name in upstream.fallback)
            ways += [(*way, following) for following in nexts if following is not None]
        return ()
