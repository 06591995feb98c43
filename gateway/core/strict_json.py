"""JSON that every parser reads alike (RFC 8259, RFC 7493), or a refusal: what policy reads is what the backend reads.

Parsers differ on a member that is there twice, on names that differ in case only (Go's encoding/json and .NET's Web defaults
take one for the other), on names that are part of each object of JavaScript, on half a surrogate pair, on numbers that JSON
does not have, on other codings than UTF-8 and on depth. None of these is read here. The work is linear in the length, which
the caller bounds.
"""

from __future__ import annotations

import json
from typing import Final

from gateway.core.spelling import folded

DEEPEST: Final = 64
"""Objects and lists inside each other. The backend's deepest input has five."""

MOST_VALUES: Final = 5_000
"""Brackets that open, and commas, of one document: 64 KiB could hold twelve times as many, at 0.2 us each."""

LONGEST_NAME: Final = 256
"""Characters of the name of a member."""

_MOST_FOLDING = 8_192
_FOLDING = 16
"""To fold a name that is not ASCII costs as much as its characters and so many more; a document may cost ``_MOST_FOLDING``,
which is 2 ms."""

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
        value: object = json.loads(
            text, object_pairs_hook=_Objects().made, parse_constant=_constant, parse_int=_integer
        )
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("the content is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("the content holds half a surrogate pair") from None
    except json.JSONDecodeError:
        raise ValueError("the content is no JSON") from None
    if containers > DEEPEST and _is_deep(value):
        raise ValueError("the content is nested too deeply")
    return value


class _Objects:
    """Makes the objects of one document."""

    __slots__ = ("_folding",)

    def __init__(self) -> None:
        self._folding = 0

    def made(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise ValueError("an object has a member twice")
        if not _PROTOTYPE.isdisjoint(members):
            raise ValueError("an object has a member of the name of a prototype")
        if members and len(max(members, key=len)) > LONGEST_NAME:
            raise ValueError("an object has a member of too long a name")
        if len(members) > 1:
            names = "".join(members)
            if not names.isascii():
                self._folding += len(names) + _FOLDING * len(members)
                if self._folding > _MOST_FOLDING:
                    raise ValueError("the content has too many members whose names are not ASCII")
            if len(set(map(folded, members))) != len(members):
                raise ValueError("an object has two members whose names differ in case or form only")
        return members


def _constant(_: str) -> object:
    raise ValueError("the content holds a number that JSON does not have")


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= 15 else float(text)


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
