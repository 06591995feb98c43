"""Compares what came with what was expected: texts in which ``*`` is anything, and members of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

_PIECE = re.compile(r"\\\*|\*+")


class Mismatch(NamedTuple):
    """One member that is otherwise than expected. ``path`` leads to it, such as ``error.data.code`` or ``[0].id``."""

    path: str
    expected: str
    got: str


@lru_cache(maxsize=1024)
def _pieces(pattern: str) -> tuple[str, ...]:
    """The texts between the stars of ``pattern``."""
    pieces, end = [""], 0
    for star in _PIECE.finditer(pattern):
        pieces[-1] += pattern[end : star.start()]
        end = star.end()
        if star[0] == r"\*":
            pieces[-1] += "*"
        else:
            pieces.append("")
    pieces[-1] += pattern[end:]
    return tuple(pieces)


def fits(pattern: str, text: str) -> bool:
    """Whether ``text`` is ``pattern``, in which ``*`` is any text and ``\\*`` a star. Linear: each piece is looked for once."""
    first, *rest = _pieces(pattern)
    if not rest:
        return text == first
    if not text.startswith(first):
        return False
    *inner, last = rest
    at = len(first)
    for piece in inner:
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return len(text) - at >= len(last) and text.endswith(last)


def mismatches(expected: object, got: object, path: str = "") -> Iterator[Mismatch]:
    """Where ``got``, which was JSON, is not as ``expected``. A mapping may have further members, a list may not."""
    if isinstance(expected, Mapping):
        if not isinstance(got, Mapping):
            yield Mismatch(path, shown(expected), shown(got))
            return
        for key, below in expected.items():
            at = f"{path}.{key}" if path else str(key)
            if key not in got:
                yield Mismatch(at, shown(below), "nothing")
            else:
                yield from mismatches(below, got[key], at)
    elif isinstance(expected, Sequence) and not isinstance(expected, str):
        if not isinstance(got, Sequence) or isinstance(got, str) or len(got) != len(expected):
            yield Mismatch(path, shown(expected), shown(got))
            return
        for index, (below, one) in enumerate(zip(expected, got, strict=True)):
            yield from mismatches(below, one, f"{path}[{index}]")
    elif not _same(expected, got):
        yield Mismatch(path, shown(expected), shown(got))


def _same(expected: object, got: object) -> bool:
    if isinstance(expected, str):
        # A lone star is any value; in a longer text it is any text.
        return expected == "*" or (isinstance(got, str) and fits(expected, got))
    return isinstance(expected, bool) == isinstance(got, bool) and expected == got


def shown(value: object) -> str:
    """``value`` as JSON, for people."""
    return json.dumps(value, ensure_ascii=False)
