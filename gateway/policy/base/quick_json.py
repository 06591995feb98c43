"""JSON that every parser reads alike, read at the speed of orjson, or a refusal.

What is refused is what ``core.strict_json`` refuses, except for names that differ in case or form only: those are honest
members of a record, and only a policy that looks for a name has to fear a second one. Most clients write what
``JSON.stringify`` writes. orjson writes the same bytes, so equal bytes prove that no member is there twice and that there is
one spelling. What fails this proof is compared without its strings and white space, which a member that is there twice makes
longer. All work is linear in the length.
"""

from __future__ import annotations

import re
from array import array
from itertools import accumulate
from json import JSONDecoder

import orjson

from gateway.core.strict_json import decoded, has_half_pair
from gateway.policy.base.pointer import MOST_EXACT

_WIDEST = 16  # digits of MOST_EXACT
_MOST_DIGITS = b"%d" % MOST_EXACT
_AS_ZERO = bytes.maketrans(b"123456789", b"000000000")
_WIDE = b"0" * _WIDEST
_NEGATIVE_ZERO = b"-0.0"  # in its usual spelling

_BRACKETS = bytes.maketrans(b"{}[]", b"\x01\xff\x01\xff")  # what each adds to the depth, as signed bytes
_OPENING = bytes(set(range(256)) - set(b"{["))
_NO_BRACKET = bytes(set(range(256)) - set(b"{}[]"))
MOST_VALUES = 2_500
BYTES_OF_A_VALUE = 16
"""A document may have ``MOST_VALUES`` values (brackets that open, and commas), and one more for so many of its bytes."""

_BLANK = b" \t\n\r"
_TO_COMMAS = bytes.maketrans(b"{}[]:", b",,,,,")

# A name that is part of each object of JavaScript. Only a name stands between one of these marks and a colon.
_PROTOTYPE = re.compile(rb'[{,]"(?:__proto__|constructor|prototype)":').search

_MOST_AGAIN = 16 * 1024
"""Bytes of a refused batch that is read again to name the call that is at fault."""

_scan = JSONDecoder(strict=False).raw_decode
_MARKS = {mark: re.compile(rf"[ \t\n\r]*\{mark}[ \t\n\r]*").match for mark in "{:,"}
_plain_name = re.compile('"(0|[1-9][0-9]{0,3})"').match

_MOST_UNUSUAL = 500
"""Different numbers of one document that are not in their shortest spelling: each is looked at for itself."""


def read_quickly(content: bytes, max_depth: int) -> object:
    """The value of a document of at most ``max_depth`` objects and lists inside each other.

    Raises ValueError, whose sentence quotes nothing of it, for what parsers read differently: members that are there twice
    or have the name of a prototype, half a surrogate pair, a number that JavaScript does not read exactly.
    """
    outside: bytes | None = None  # looked for where it is needed
    if len(content.translate(None, _OPENING)) > max_depth or len(content) > 2 * MOST_VALUES:
        outside = _outside(content)
        _check_shape(outside, MOST_VALUES + len(content) // BYTES_OF_A_VALUE, max_depth)
    try:
        value: object = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ValueError(_trouble(content, _outside(content) if outside is None else outside, error)) from None
    usual = orjson.dumps(value)
    if usual != content:
        _check_spelling(_outside(content) if outside is None else outside, _outside(usual))
    elif _may_be_inexact(content):
        _check_numbers(_literals(_outside(content) if outside is None else outside), frozenset())
    if (b"proto" in usual or b"constructor" in usual) and _PROTOTYPE(usual) is not None:
        raise ValueError("an object has a member of the name __proto__, constructor or prototype")
    return value


def _check_shape(outside: bytes, most_values: int, max_depth: int) -> None:
    """Raise ValueError for too many values, each of which costs up to 0.1 us here and more where it is judged, and for objects
    and lists too deep in each other. ``outside`` is the document without its strings."""
    brackets = outside.translate(_BRACKETS, _NO_BRACKET)
    opened = brackets.count(b"\x01")
    if outside.count(b",") + opened > most_values:
        raise ValueError("the content has too many values for its length")
    # With more that close than open it is no JSON, and has as many as there is room for.
    if len(brackets) <= 2 * opened and max(accumulate(array("b", brackets)), default=0) > max_depth:
        raise ValueError(f"the content is nested more than {max_depth} levels deep")


def _outside(text: bytes) -> bytes:
    """JSON without its strings and without white space."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(text.split(b'"')[::2]).translate(None, _BLANK)


def _check_spelling(sent: bytes, usual: bytes) -> None:
    """Raise ValueError where ``sent`` has more members than ``usual``, which has each once, or a number that is read
    differently. Both are without strings."""
    if sent.count(b":") != usual.count(b":"):
        raise ValueError("an object has a member twice")
    if sent != usual:
        _check_numbers(_literals(sent), _literals(usual))
    elif _may_be_inexact(sent):
        _check_numbers(_literals(sent), frozenset())


def _may_be_inexact(text: bytes) -> bool:
    """Whether a number of ``text``, spelled as usual, may not be read exactly. True also for some in which all are."""
    return _WIDE in text.translate(_AS_ZERO) or _NEGATIVE_ZERO in text


def _literals(outside: bytes) -> frozenset[bytes]:
    return frozenset(outside.translate(_TO_COMMAS).split(b","))


def _check_numbers(sent: frozenset[bytes], usual: frozenset[bytes]) -> None:
    """Raise ValueError for a literal of ``sent`` that is a number and not read exactly; ``usual`` are the shortest spellings
    of what was read."""
    judged = sent - usual if usual else frozenset()
    if len(judged) > _MOST_UNUSUAL:
        raise ValueError("the content has too many numbers in an unusual spelling")
    judged |= {number for number in sent if len(number) >= _WIDEST or number == _NEGATIVE_ZERO}
    if not all(map(_is_exact, judged)):
        raise ValueError(
            f"the content holds a number that not every reader takes for the same, beyond {MOST_EXACT} or -0: send it as a text"
        )


def _is_exact(number: bytes) -> bool:
    """Whether ``number`` is what it is read as: an integer up to ``MOST_EXACT``, no zero with a sign, and beyond that only
    the digits that a double keeps."""
    digits = number.lstrip(b"-")
    if digits.isdigit():
        return number != b"-0" and (len(digits) < _WIDEST or (len(digits) == _WIDEST and digits <= _MOST_DIGITS))
    value = float(number)
    if not value:
        return number[:1] != b"-" and not _significant(number)
    return abs(value) <= MOST_EXACT or _significant(number) == _significant(repr(value).encode())


def _significant(number: bytes) -> bytes:
    """The digits of ``number`` without its sign, its point, its exponent, and zeros before and behind them."""
    return number.lower().partition(b"e")[0].replace(b".", b"").strip(b"-0")


def _trouble(content: bytes, outside: bytes, error: orjson.JSONDecodeError) -> str:
    """What keeps ``content`` from being JSON; ``outside`` is it without its strings."""
    try:
        text = decoded(content)
    except ValueError as trouble:
        return str(trouble)
    if not content.strip(_BLANK):
        return "the content is empty"
    if has_half_pair(text):
        return "the content holds half a surrogate pair"
    if "infinity" in error.msg or b"NaN" in outside or b"Infinity" in outside:
        return "the content holds a number that JSON does not have, or one beyond a double"
    return f"the content is no JSON: line {error.lineno}, column {error.colno}"


def call_at_fault(content: bytes, count: int, max_depth: int) -> int | None:
    """The first call of a batch of ``count``, which ``read_quickly`` has refused, whose input is refused by itself too. None
    where it is none of them, or where the batch is too long to be read once more."""
    if len(content) > _MOST_AGAIN:
        return None
    text = content.decode("latin-1")  # a character for each byte: what is between the members is ASCII
    at = _after(text, 0, "{")
    for _ in range(count):
        name = _plain_name(text, at)
        if name is None:
            return None
        start = _after(text, name.end(), ":")
        try:
            _, end = _scan(text, start)
            read_quickly(content[start:end], max_depth - 1)
        except (ValueError, RecursionError):
            return int(name[1]) if int(name[1]) < count else None
        at = _after(text, end, ",")
    return None


def _after(text: str, at: int, mark: str) -> int:
    """Where something begins again behind ``mark`` and white space; the end of ``text`` where ``mark`` does not come next."""
    found = _MARKS[mark](text, at)
    return len(text) if found is None else found.end()
