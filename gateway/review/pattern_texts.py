"""Texts that a regular expression of ECMA-262 matches, as far as one can make some without solving it.

They are candidates: whoever asks tries each of them against the pattern. Assertions are passed over.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

LONGEST = 4_096
"""Characters of one text, at most."""

_DEEPEST = 32
_MANY = 1 << 20
_REPETITIONS = 6  # of one pattern that are grown in turns

_CLASSES = {
    "d": string.digits,
    "w": string.ascii_letters + string.digits + "_",
    "s": " \t\n",
    "D": "a-",
    "W": "-!",
    "S": "a0",
}
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "0": "\0"}
_OTHERS = "a0-Z !_é~"


class _Choice(NamedTuple):
    """One of the characters, or of the ways to go on."""

    of: tuple[_Node, ...]


class _Repeated(NamedTuple):
    node: _Node
    least: int
    most: int


class _Series(NamedTuple):
    of: tuple[_Node, ...]


_Node = str | _Choice | _Repeated | _Series


def texts(pattern: str, lengths: tuple[int, ...] = ()) -> Iterator[str]:
    """Candidates for ``pattern``: its repetitions as few as may be, and some more; texts of ``lengths``, of which one
    repetition makes the most; then one with something before, behind or in another case, for patterns that are not anchored as
    others are.

    Nothing comes for a pattern that is not understood.
    """
    try:
        node = _Reader(pattern).whole()
    except (ValueError, RecursionError):
        return
    seen = set()
    for extra, pick in product((0, 1, 2, 3, _MANY), range(4)):
        text = _written(node, extra, pick, LONGEST)
        if text not in seen:
            seen.add(text)
            yield text
    for length, grown in product(lengths, range(_REPETITIONS)):
        yield _written(_lengthened(node, [grown], length - len(_written(node, 0, 0, LONGEST))), 0, 0, LONGEST)
    first = _written(node, 0, 0, LONGEST - 8)
    yield from (f"{first}!", f"!{first}", f"{first}\n", first.upper(), first.lower(), f"{first} {first}"[:LONGEST], "")


def _written(node: _Node, extra: int, pick: int, room: int) -> str:
    """A text of ``node`` of at most ``room`` characters."""
    if isinstance(node, str):
        return node[:room]
    if isinstance(node, _Choice):
        return _written(node.of[pick % len(node.of)], extra, pick, room) if node.of else ""
    if isinstance(node, _Series):
        parts: list[str] = []
        for each in node.of:
            parts.append(_written(each, extra, pick, room))
            room -= len(parts[-1])
        return "".join(parts)
    one = _written(node.node, extra, pick, room)
    return one * min(node.most, node.least + extra, room // max(len(one), 1))


def _character(number: int) -> str:
    """Raises ValueError for half a surrogate pair too, which no JSON text has."""
    if 0xD800 <= number <= 0xDFFF:
        raise ValueError("half a surrogate pair")
    return chr(number)


def _lengthened(node: _Node, after: list[int], by: int) -> _Node:
    """``node`` with one of its repetitions longer by ``by`` characters, the one that comes ``after`` so many others."""
    if isinstance(node, _Series):
        return _Series(tuple([_lengthened(each, after, by) for each in node.of]))
    if isinstance(node, _Choice) and node.of and not isinstance(node.of[0], str):
        return _lengthened(node.of[0], after, by)
    if not isinstance(node, _Repeated):
        return node
    after[0] -= 1
    if after[0] != -1:
        return node._replace(node=_lengthened(node.node, after, by)) if node.least else node
    one = max(len(_written(node.node, 0, 0, LONGEST)), 1)
    return node._replace(least=min(node.most, node.least + max(by, 0) // one))


class _Reader:
    """Reads a pattern from left to right. Raises ValueError where it does not understand one."""

    def __init__(self, pattern: str) -> None:
        self._rest = pattern
        self._depth = 0

    def whole(self) -> _Node:
        node = self._choice()
        if self._rest:
            raise ValueError("a bracket that nothing opens")
        return node

    def _take(self, text: str) -> bool:
        if self._rest.startswith(text):
            self._rest = self._rest[len(text) :]
            return True
        return False

    def _next(self) -> str:
        if not self._rest:
            raise ValueError("it ends early")
        character, self._rest = self._rest[0], self._rest[1:]
        return character

    def _choice(self) -> _Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError("too deep")
        ways = [self._chain()]
        while self._take("|"):
            ways.append(self._chain())
        self._depth -= 1
        return ways[0] if len(ways) == 1 else _Choice(tuple(ways))

    def _chain(self) -> _Node:
        nodes: list[_Node] = []
        while self._rest and self._rest[0] not in "|)":
            nodes.append(self._repeated(self._atom()))
        return _Series(tuple(nodes))

    def _atom(self) -> _Node:
        character = self._next()
        if character in "^$":
            return ""
        if character == ".":
            return _Choice(tuple(_OTHERS))
        if character == "[":
            return self._set()
        if character == "\\":
            return self._escape()
        return self._group() if character == "(" else character

    def _group(self) -> _Node:
        assertion = any(self._take(start) for start in ("?=", "?!", "?<=", "?<!"))
        if not assertion and self._take("?<"):
            self._rest = self._rest.partition(">")[2]
        elif not assertion:
            self._take("?:")
        inner = self._choice()
        if not self._take(")"):
            raise ValueError("a group that does not end")
        return "" if assertion else inner

    def _escape(self) -> _Node:
        character = self._next()
        if character in "bB":
            return ""
        if character in "pP" and self._take("{"):
            self._rest = self._rest.partition("}")[2]
            return _Choice(("a", "A", "é", "0"))
        if character in _CLASSES:
            return _Choice(tuple(_CLASSES[character]))
        return self._character(character)

    def _character(self, escaped: str) -> str:
        """What ``escaped`` stands for behind a backslash."""
        if escaped in "xu":
            if escaped == "u" and self._take("{"):
                digits, _, self._rest = self._rest.partition("}")
            else:
                size = 2 if escaped == "x" else 4
                digits, self._rest = self._rest[:size], self._rest[size:]
            return _character(int(digits, 16))
        return _CONTROL.get(escaped, escaped)

    def _set(self) -> _Node:
        negated = self._take("^")
        inside: list[str] = []
        while not self._take("]"):
            character = self._next()
            if character == "\\":
                escaped = self._next()
                if escaped in _CLASSES:
                    inside.extend(_CLASSES[escaped])
                    continue
                character = self._character(escaped)
            if self._rest[:1] == "-" and self._rest[1:2] not in ("]", ""):
                self._next()
                end = self._next()
                end = self._character(self._next()) if end == "\\" else end
                inside.extend(dict.fromkeys((character, end, _character((ord(character) + ord(end)) // 2))))
            else:
                inside.append(character)
        if negated:
            return _Choice(tuple(one for one in _OTHERS if one not in inside))
        return _Choice(tuple(inside))

    def _repeated(self, node: _Node) -> _Node:
        least, most = 1, 1
        if self._take("*"):
            least, most = 0, _MANY
        elif self._take("+"):
            most = _MANY
        elif self._take("?"):
            least = 0
        elif self._rest[:1] == "{" and self._rest[1:2].isdecimal():
            inside, _, self._rest = self._rest[1:].partition("}")
            first, comma, last = inside.partition(",")
            least = min(int(first), _MANY)
            most = min(int(last), _MANY) if last else _MANY if comma else least
        if (least, most) == (1, 1):
            return node
        self._take("?")
        return _Repeated(node, least, most)
