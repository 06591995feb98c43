"""Route patterns: an exact name, or a prefix by whole segments (``lessons.*``, ``/files/*``). The first match wins.

A look-up costs one dictionary access for a name in the configuration; for any other name at most as many as the deepest
prefix has segments. Nothing is remembered about names that clients make up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, TypeVar

from gateway.core.path import Ambiguous, canonical

Payload = TypeVar("Payload")

_PROCEDURE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+(?:\.[A-Za-z_][A-Za-z0-9_]*+)*(?:\.\*)?")


class PatternTable(Generic[Payload]):
    """Compiled patterns in their order. Made by ``compile_procedures`` and ``compile_paths``."""

    __slots__ = ("_depth", "_exact", "_prefixes", "_separator")

    def __init__(self, patterns: Iterable[tuple[str, Payload]], separator: str) -> None:
        self._separator = separator
        self._depth = 0
        self._prefixes: dict[str, list[tuple[int, Payload]]] = {}
        self._exact: dict[str, tuple[Payload, ...]] = {}
        exact: dict[str, list[tuple[int, Payload]]] = {}
        for index, (pattern, payload) in enumerate(patterns):
            if pattern[-1:] == "*":
                prefix = pattern[:-1]
                self._depth = max(self._depth, prefix.count(separator))
                self._prefixes.setdefault(prefix, []).append((index, payload))
            else:
                exact.setdefault(pattern, []).append((index, payload))
        for name, named in exact.items():
            self._exact[name] = tuple(payload for _, payload in sorted(named + self._by_prefix(name), key=_index))

    def find(self, name: str) -> Payload | None:
        """The payload of the first pattern that matches, or None."""
        matches = self._exact.get(name) or self.every(name)
        return matches[0] if matches else None

    def every(self, name: str) -> tuple[Payload, ...]:
        """The payloads of all patterns that match, in their order."""
        known = self._exact.get(name)
        if known is not None:
            return known
        matches = self._by_prefix(name)
        if len(matches) == 1:
            return (matches[0][1],)
        return tuple([payload for _, payload in sorted(matches, key=_index)])

    def _by_prefix(self, name: str) -> list[tuple[int, Payload]]:
        matches: list[tuple[int, Payload]] = []
        end = 0
        for _ in range(self._depth):
            end = name.find(self._separator, end) + 1
            if not end:
                break
            patterns = self._prefixes.get(name[:end])
            if patterns:
                matches += patterns
        return matches


def _index(match: tuple[int, object]) -> int:
    return match[0]


def compile_procedures(patterns: Iterable[tuple[str, Payload]]) -> PatternTable[Payload]:
    """A table over procedure names; ``lessons.*`` takes every name with at least one segment after ``lessons``."""
    return PatternTable(patterns, ".")


def compile_paths(patterns: Iterable[tuple[str, Payload]]) -> PatternTable[Payload]:
    """A table over canonical paths; ``/a/*`` takes ``/a/`` and everything below it, but neither ``/a`` nor ``/ab``."""
    return PatternTable(patterns, "/")


def covers(wider: str, narrower: str) -> bool:
    """Whether everything that ``narrower`` matches is matched by ``wider``. Both are of the same kind."""
    return wider == narrower or (wider[-1:] == "*" and narrower.startswith(wider[:-1]))


def procedure_problem(pattern: str) -> str | None:
    """A sentence on why this is no procedure pattern, or None. A lone ``*`` is none: procedures are allowed by name."""
    if _PROCEDURE.fullmatch(pattern):
        return None
    return "a procedure is a dotted name like auth.login, or a prefix like lessons.*"


def path_problem(pattern: str) -> str | None:
    """A sentence on why this is no path pattern, or None. A pattern that is not canonical would match nothing."""
    plain = pattern[:-1] if pattern.endswith("/*") else pattern
    if "*" in plain or "?" in plain:
        return "a path is exact like /api/health, or a prefix like /files/*"
    try:
        spelling = canonical(plain)[0]
    except Ambiguous as problem:
        return str(problem)
    return None if spelling == plain else "a path must be written in its canonical spelling"
