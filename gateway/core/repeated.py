"""Heads that repeat the one before them on their connection, told by what differs.

Clients and backends send nearly the same head with each message (RFC 7541 lives on it), and one that a parser has
accepted needs no parser the second time: lines that are the same byte for byte mean the same. Whatever differs in more
than the values of a few fields, which mean nothing for framing or policy, is left to the parser, which has then seen
nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_VALUE = re.compile(rb"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?").fullmatch
_DIGITS = re.compile(rb"0|[1-9][0-9]{0,8}").fullmatch


class Repeated:
    """The field lines of a head, of which the values of ``varying`` (lower case) may differ the next time."""

    __slots__ = ("_count", "_lines", "_varying")

    def __init__(self, lines: list[bytes], varying: Collection[bytes]) -> None:
        self._lines = frozenset(lines)
        self._varying: dict[bytes, tuple[bytes, bytes]] = {}  # name and line, by spelling
        spellings = [line.partition(b":")[0] for line in lines]
        names = [spelling.lower() for spelling in spellings]
        for spelling, name, line in zip(spellings, names, lines, strict=True):
            if name in varying:
                self._varying[spelling] = name, line
        twice = len(self._lines) != len(lines) or any(names.count(name) > 1 for name in varying)
        self._count = -1 if twice else len(lines)

    def differing(self, lines: list[bytes]) -> dict[bytes, bytes] | None:
        """The values by which ``lines`` differ, by lower-case name; None when they differ otherwise.

        As many lines as before, none twice, each as before or with another value of its field: then no field is there
        that was not there before, none is missing, and none is there twice.
        """
        present = frozenset(lines)
        if len(lines) != self._count or len(present) != self._count:
            return None
        changed = present - self._lines
        values: dict[bytes, bytes] = {}
        for line in changed:
            spelling, _, value = line.partition(b": ")
            known = self._varying.get(spelling)
            if known is None or known[1] in present or _VALUE(value) is None:
                return None
            values[known[0]] = value
        return values if len(values) == len(changed) else None  # else one is there twice, in the place of another


def sized(length: bytes, body: bytes) -> bool:
    """Whether ``body`` is all that a Content-Length of ``length`` announces, written in the one plain way."""
    return _DIGITS(length) is not None and int(length) == len(body)
