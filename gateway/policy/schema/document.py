"""One schema file as text: the JSON in it, and the line and column of each of its values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from math import isinf
from typing import NoReturn

from gateway.core.issue import Token
from gateway.core.strict_json import DEEPEST

_blank_at = re.compile(r"[ \t\r\n]*").match
_scalar_at = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,:{}\[\]"]+').match
_skipped_at = re.compile(r'[^"{}\[\]]+|"(?:[^"\\]|\\.)*"').match


class Flaw(ValueError):
    """The text is no JSON that has one reading. ``offset`` is where, in characters."""

    def __init__(self, sentence: str, offset: int, hint: str = "") -> None:
        super().__init__(sentence)
        self.offset = offset
        self.hint = hint


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Of the character at ``offset``. Both count from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def read(octets: bytes) -> tuple[str, object]:
    """The text of a schema file and the JSON value in it. Raises Flaw."""
    try:
        text = octets.decode()
    except UnicodeDecodeError as error:
        before = octets[: error.start].decode()
        raise Flaw("is not UTF-8 text", len(before), "save the file as UTF-8") from None
    if text[:1] == "\ufeff":
        raise Flaw("begins with a byte order mark", 0, "save the file as UTF-8 without one")
    _check_depth(text)
    try:
        return text, json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise Flaw(f"is no JSON: {_described(error, text)}", error.pos) from None
    except _Twice as error:
        raise Flaw(f"has {_shown(error.name)} twice in one object", _second(text, error.name), "remove one") from None
    except _NoNumber as error:
        raise Flaw(f"holds {error.word[:32]}, {error.why}", text.find(error.word)) from None
    except (RecursionError, ValueError):
        raise Flaw("is no JSON: a number in it is too long", 0) from None


def offset_of(text: str, tokens: Iterable[Token]) -> int:
    """Where the value at ``tokens`` of the JSON in ``text`` is: that of its name where it has one, and of the deepest value
    above it that is there."""
    at = _blank(text, 0)
    found = at
    for token in tokens:
        if text[at] == "{":
            step = _member(text, at, str(token))
        elif text[at] == "[":
            step = _item(text, at, token)
        else:
            break
        if step is None:
            break
        found, at = step
    return found


class _Twice(Exception):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class _NoNumber(Exception):
    def __init__(self, word: str, why: str) -> None:
        super().__init__()
        self.word = word
        self.why = why


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for index, name in enumerate(names) if name in names[:index]))
    return members


def _constant(word: str) -> NoReturn:
    raise _NoNumber(word, "which JSON does not have")


def _finite(word: str) -> float:
    number = float(word)
    if isinf(number):  # the validator would read null
        raise _NoNumber(word, "which is beyond the numbers of JavaScript")
    return number


def _described(error: json.JSONDecodeError, text: str) -> str:
    if not text.strip():
        return "it is empty"
    if error.msg == "Extra data":
        return "something follows its end"
    if error.pos >= len(text.rstrip()):
        return "it ends too early"
    return error.msg[:1].lower() + error.msg[1:]


def _check_depth(text: str) -> None:
    """Raise Flaw for a text that is nested deeper than ``DEEPEST``: before it is parsed, which would recurse."""
    depth = at = 0
    while at < len(text):
        skipped = _skipped_at(text, at)
        if skipped is not None:
            at = skipped.end()
            continue
        depth += 1 if text[at] in "{[" else -1 if text[at] in "}]" else 0
        if depth > DEEPEST:
            raise Flaw(f"is nested deeper than {DEEPEST} levels", at)
        at += 1


def _blank(text: str, at: int) -> int:
    match = _blank_at(text, at)
    return at if match is None else min(match.end(), len(text) - 1)


def _end(text: str, at: int) -> int:
    """The end of the value at ``at``."""
    depth = 0
    while True:
        if text[at] in "{[":
            depth += 1
            at += 1
        elif text[at] in "}]":
            depth -= 1
            at += 1
        else:
            match = _scalar_at(text, at) or _blank_at(text, at)
            at = max(match.end(), at + 1) if match is not None else at + 1
        if depth == 0:
            return at
        at = _blank(text, at)
        while text[at] in ",:":
            at = _blank(text, at + 1)


def _member(text: str, at: int, name: str) -> tuple[int, int] | None:
    """Where the name of a member of the object at ``at`` is, and where its value is."""
    for found, key in _names(text, at):
        if key == name:
            return found, _value_of(text, found)
    return None


def _names(text: str, at: int) -> Iterable[tuple[int, str]]:
    at = _blank(text, at + 1)
    while text[at] == '"':
        match = _scalar_at(text, at)
        assert match is not None, "it was parsed before"
        yield at, json.loads(match[0])
        at = _blank(text, _end(text, _value_of(text, at)))
        if text[at] != ",":
            break
        at = _blank(text, at + 1)


def _value_of(text: str, name: int) -> int:
    match = _scalar_at(text, name)
    assert match is not None, "a name begins here"
    return _blank(text, _blank(text, match.end()) + 1)


def _item(text: str, at: int, token: Token) -> tuple[int, int] | None:
    at = _blank(text, at + 1)
    for _ in range(token if isinstance(token, int) else 0):
        at = _blank(text, _end(text, at))
        if text[at] != ",":
            return None
        at = _blank(text, at + 1)
    return at, at


def _second(text: str, name: str) -> int:
    """Where a member of that name is written for the second time in one object."""
    pending = [_blank(text, 0)]
    while pending:
        at = pending.pop()
        if text[at] == "{":
            seen = set()
            for found, key in _names(text, at):
                if key == name and key in seen:
                    return found
                seen.add(key)
                pending.append(_value_of(text, found))
        elif text[at] == "[":
            pending += _items(text, at)
    return 0


def _items(text: str, at: int) -> Iterable[int]:
    at = _blank(text, at + 1)
    while text[at] != "]":
        yield at
        at = _blank(text, _end(text, at))
        at = _blank(text, at + 1) if text[at] == "," else at


def _shown(name: str) -> str:
    return name if name.isprintable() and len(name) <= 64 else "a name"


def follow(value: object, tokens: Iterable[Token]) -> object:
    """What ``tokens`` lead to in ``value``, None for nothing."""
    for token in tokens:
        if isinstance(value, dict):
            value = value.get(str(token))
        elif isinstance(value, list) and isinstance(token, int) and token < len(value):
            value = value[token]
        else:
            return None
    return value
