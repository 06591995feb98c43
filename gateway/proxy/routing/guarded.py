"""Paths that a wide pattern takes although their upstream may read them as ones that a stricter route guards."""

from __future__ import annotations

from collections.abc import Callable

from gateway.core.path_reading import PathGuard, PathsByReading

StricterAt = Callable[[str, str], bool]
"""Whether a stricter route takes a request for a path with a method."""


class GuardedPaths:
    """What stricter routes guard of the paths that one route takes. ``stricter_at`` is about that route, and ``named`` are
    the paths that it names one by one: somebody decided about each of them."""

    def __init__(
        self, guards: PathsByReading[PathGuard], stricter_at: StricterAt, named: frozenset[str] = frozenset()
    ) -> None:
        self._guards = guards
        self._named = named
        self._stricter_at = stricter_at

    def reached(self, path: str, method: str) -> bool:
        """Whether a request for the canonical ``path`` would reach what a stricter route guards."""
        if path in self._named:
            return False
        for spelling, guard in self._guards.find(path):
            if not guard.route:
                return True
            if method not in guard.methods:
                continue
            if guard.rewritten or (spelling != path and self._stricter_at(spelling, method)):
                return True
        return False
