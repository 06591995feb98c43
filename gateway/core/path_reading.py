"""How an upstream may read a path: which spellings that are two paths to the gateway are one to it.

Express takes ``/api/ADMIN`` and ``/api/admin/`` for ``/api/admin`` unless it is set up otherwise, Rails and older Spring
``/api/admin.json`` too, a server over a file system of Windows ``/api/admin.``. A route that names one spelling would guard
nothing where a wider pattern takes the others.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar
from urllib.parse import unquote

Payload = TypeVar("Payload")

# By canonical composition (Unicode 16) at most four characters become one; compatibility forms only grow.
_SHRINKS = 4
_DEEPEST = 128  # segments that are normalised; no pattern is deeper, and a target has room for thousands
# What a reader that decodes a second time takes for the end of the path.
_END = re.compile("[?#]")
# What NFKC makes one character of a path's structure of: in a segment that is too long to be normalised too.
_STRUCTURE = str.maketrans("\uff0f\uff1f\ufe16\uff03\ufe5f", "/??##")


@dataclass(frozen=True, slots=True)
class PathReading:
    """What an upstream ignores when it compares paths.

    ``case``: upper and lower case, and with them compatibility forms (NFKC) and dots and blanks at the end of a segment, as
    servers do that fold more than ASCII. ``slash``: one slash at the end. ``suffix``: what follows a dot in the last segment.
    """

    case: bool = True
    slash: bool = True
    suffix: bool = True

    def union(self, other: PathReading) -> PathReading:
        """What either ignores."""
        return PathReading(self.case or other.case, self.slash or other.slash, self.suffix or other.suffix)

    def segments(self, path: str, most: int) -> tuple[str, ...]:
        """The segments of a canonical path, in one spelling for all that are read alike but for their suffixes.

        A segment of more than ``most`` characters is left as it is, since to normalise may take quadratic time.
        """
        if "%" in path and self != SAME:
            path = unquote(path)
            path = _END.split(path.translate(_STRUCTURE) if self.case else path, maxsplit=1)[0]
        if self.slash:
            path = path.removesuffix("/")
        parts = path.split("/")[1:]
        if self.case:
            parts = [*[_folded(part, most) for part in parts[:_DEEPEST]], *parts[_DEEPEST:]]
            if not path.isascii():
                # some compatibility form may be a slash, or what ends the path
                parts = _END.split("/".join(parts), maxsplit=1)[0].split("/") if parts else parts
        return tuple(parts)


SAME = PathReading(case=False, slash=False, suffix=False)
"""Every spelling is a path of its own."""


def _folded(segment: str, most: int) -> str:
    segment = segment.partition("::$")[0].rstrip(" .")  # NTFS has streams: admin::$DATA is the content of admin
    if segment.isascii():
        return segment.lower()
    if len(segment) > most:
        return segment
    # By upper case first: so U+0131, a dotless i, is an i to readers that compare in upper case, as U+0130 is in lower case.
    folded = unicodedata.normalize("NFKC", segment).upper().casefold().replace("i\u0307", "i")
    return unicodedata.normalize("NFKC", folded).rstrip(" .")


@dataclass(frozen=True, slots=True)
class PathGuard:
    """A pattern of paths at the upstream, and the stricter route that guards what it matches, from requests of ``methods``.

    ``rewritten``: the pattern is what the route turns its own paths into. ``route`` is empty for procedures of tRPC, which
    are reached by name alone.
    """

    pattern: str
    route: str
    methods: frozenset[str]
    rewritten: bool = False


class PathsByReading(Generic[Payload]):
    """Patterns of paths, looked up by any spelling that ``reading`` takes for one that they match."""

    def __init__(self, patterns: Iterable[tuple[str, Payload]], reading: PathReading) -> None:
        self._reading = reading
        self._exact: dict[tuple[str, ...], list[tuple[str, Payload]]] = {}
        self._below: dict[tuple[str, ...], list[tuple[str, Payload]]] = {}
        self._depth = 0
        self._longest = 0
        for pattern, payload in patterns:
            wide = pattern[-1:] == "*"
            segments = read_as(pattern, reading)
            (self._below if wide else self._exact).setdefault(segments, []).append((pattern, payload))
            self._depth = max(self._depth, len(segments))
            self._longest = max(self._longest, *map(len, segments), 0)

    def find(self, path: str) -> Iterator[tuple[str, Payload]]:
        """Each pattern that is read to match the canonical ``path``, with its payload, and the spelling that it does match:
        its own, and what follows it in ``path``."""
        reading = self._reading
        segments = reading.segments(path, _SHRINKS * self._longest)
        count = len(segments)
        rest = path.split("/")[1:]
        for depth in range(min(count if reading.slash else count - 1, self._depth) + 1):
            for pattern, payload in self._below.get(segments[:depth], ()):
                yield pattern[:-1] + "/".join(rest[depth:]), payload
        if count > self._depth:
            return
        for pattern, payload in self._exact.get(segments, ()):
            yield pattern, payload
        for shorter in self._without_suffixes(segments):
            for pattern, payload in self._exact.get(shorter, ()):
                yield pattern, payload
            for pattern, payload in self._below.get(shorter, ()) if reading.slash else ():
                yield pattern[:-1], payload

    def _without_suffixes(self, segments: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if not self._reading.suffix or not segments:
            return
        last = segments[-1][: self._longest + 1]
        dot = last.find(".", 1)
        while dot > 0:
            yield (*segments[:-1], last[:dot])
            dot = last.find(".", dot + 1)


@lru_cache(maxsize=4096)
def read_as(pattern: str, reading: PathReading) -> tuple[str, ...]:
    """The segments of an exact pattern, or those before the ``*``, as ``reading`` takes them."""
    if pattern[-1:] != "*":
        return reading.segments(pattern, len(pattern))
    segments = reading.segments(pattern[:-1], len(pattern))
    return segments if reading.slash else segments[:-1]
