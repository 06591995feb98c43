"""JSON that every parser reads alike (RFC 8259, RFC 7493), or a refusal: what policy reads is what the backend reads.

Parsers differ on a member that is there twice, on names that differ in case only (Go's encoding/json and .NET's Web defaults
take one for the other), on names that are part of each object of JavaScript, on half a surrogate pair, on numbers that JSON
does not have, on other codings than UTF-8 and on depth. None of these is read here. The work is linear in the length, which
the caller bounds.
"""

from __future__ import annotations

import json
import re
from math import isinf
from typing import Final

from gateway.core.spelling import all_folded

DEEPEST: Final = 64
"""Objects and lists inside each other. The backend's deepest input has five."""

MOST_VALUES: Final = 2_500
"""Brackets that open, and commas, of one document: 64 KiB could hold 25 times as many, at up to 0.4 us each."""

LONGEST_NAME: Final = 256
"""Characters of the name of a member."""

LONGEST_NAMES: Final = 32 * 1024
"""Characters of all different names of one document together."""

_MOST_FOLDING = 2_048
_FOLDING = 8
"""To fold a name that is not of visible ASCII costs as much as its characters and so many more, up to 0.4 us each; a document
may cost ``_MOST_FOLDING``."""

# Escapes of both halves of a surrogate pair, and of one half.
_PAIR = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..")
_HALF = re.compile(r"\\u[dD][89a-fA-F]").search

# Assigning to one of these reaches the prototype of the object, and so what is read where a member is missing.
_PROTOTYPE = frozenset(("__proto__", "constructor", "prototype"))


def decoded(octets: bytes) -> str:
    """The text of UTF-8 without a byte order mark. Raises ValueError for other octets."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise ValueError("the content is not UTF-8") from None
    if text[:1] == "\ufeff":
        raise ValueError("the content begins with a byte order mark")
    return text


def read(text: str) -> object:
    """The value of a document. An integer that JavaScript may not read exactly is a float.

    Raises ValueError, whose sentence quotes nothing of it, for what parsers read differently.
    """
    containers = text.count("{") + text.count("[")
    if containers + text.count(",") > MOST_VALUES:
        raise ValueError("the content has too many values to be read")
    try:
        objects = _Objects()
        value: object = json.loads(
            text, object_pairs_hook=objects.made, parse_constant=_constant, parse_int=_integer, parse_float=_finite
        )
    except RecursionError:
        raise ValueError("the content is nested too deeply") from None
    except json.JSONDecodeError:
        raise ValueError("the content is no JSON") from None
    objects.check_names()
    if has_half_pair(text):
        raise ValueError("the content holds half a surrogate pair")
    if containers > DEEPEST and _is_deep(value):
        raise ValueError("the content is nested too deeply")
    return value


def has_half_pair(text: str) -> bool:
    """Whether an escape of ``text`` is one half of a surrogate pair without the other."""
    return ("\\ud" in text or "\\uD" in text) and _HALF(_PAIR.sub("_", text.replace("\\\\", "_"))) is not None


def check(value: object) -> None:
    """Raise ValueError for a value of another strict reader that ``read`` does not give: for its names, its depth, and more
    than ``MOST_VALUES`` values."""
    objects = _Objects()
    level, values = [value], 0
    for _ in range(DEEPEST):
        inner: list[object] = []
        for outer in level:
            if isinstance(outer, dict):
                objects.made(list(outer.items()))
                inner += outer.values()
            elif isinstance(outer, list):
                inner += outer
        values += len(inner)
        if values > MOST_VALUES:
            raise ValueError("the content has too many values to be read")
        level = [one for one in inner if isinstance(one, dict | list)]
        if not level:
            objects.check_names()
            return
    raise ValueError("the content is nested too deeply")


class _Objects:
    """Makes the objects of one document, and notes the sets of names in it: most documents repeat a few."""

    __slots__ = ("_shapes",)

    def __init__(self) -> None:
        self._shapes: set[tuple[str, ...]] = set()

    def made(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise ValueError("an object has a member twice")
        self._shapes.add(tuple(members))
        return members

    def check_names(self) -> None:
        """Raise ValueError for a name that no object may have, and for two that none may have together."""
        names = list(frozenset().union(*self._shapes))
        if not _PROTOTYPE.isdisjoint(names):
            raise ValueError("an object has a member of the name of a prototype")
        whole = "".join(names)
        if len(whole) > LONGEST_NAMES or (len(whole) > LONGEST_NAME and max(map(len, names)) > LONGEST_NAME):
            raise ValueError("an object has a member of too long a name")
        if not (whole.isascii() and whole.isprintable()):
            odd = [name for name in names if not (name.isascii() and name.isprintable())]
            if len("".join(odd)) + _FOLDING * len(odd) > _MOST_FOLDING:
                raise ValueError("the content has too many members whose names are not ASCII")
        folded = dict(zip(names, all_folded(names), strict=True))
        if len(frozenset(folded.values())) != len(names):  # then two of one object may be
            for shape in self._shapes:
                if len(frozenset(map(folded.__getitem__, shape))) != len(shape):
                    raise ValueError("an object has two members whose names differ in case or form only")


def _constant(_: str) -> object:
    raise ValueError("the content holds a number that JSON does not have")


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= 15 else _finite(text)


def _finite(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise ValueError("the content holds a number beyond those of JavaScript")
    return value


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
