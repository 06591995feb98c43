"""Values inside JSON documents: found by JSON Pointer (RFC 6901) and normalized, so that they can be keys of a count."""

from __future__ import annotations

import json
import unicodedata
from typing import Final

MISSING: Final = object()
"""The value of a pointer to nothing; not the same as null."""

# JavaScript's trim() takes the byte order mark for white space, Python's strip() does not.
_BLANK = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_BLANK += "\u2028\u2029\u202f\u205f\u3000\ufeff"


def parse_pointer(pointer: str) -> tuple[str, ...]:
    """The reference tokens of ``/a/0/b~1c``. Raises ValueError when it does not begin with a slash."""
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no pointer: it begins with a slash")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/"))


def find(document: object, tokens: tuple[str, ...]) -> object:
    """The value that the reference tokens lead to (RFC 6901 section 4), or MISSING."""
    for token in tokens:
        if isinstance(document, dict):
            document = document.get(token, MISSING)
        elif isinstance(document, list) and token.isdecimal() and token.isascii() and str(int(token)) == token:
            document = document[int(token)] if int(token) < len(document) else MISSING
        else:
            return MISSING
    return document


def normalized(value: object) -> bytes:
    """One spelling for all values that a backend may take for the same, and different ones for different kinds.

    Strings lose case, compatibility forms (UAX 15 NFKC) and outer blanks. All else is JSON with sorted keys and with the
    numbers that JavaScript would read: 1, 1.0 and 1e0 are one, and so are -0 and 0. Raises ValueError for a value that is
    nested too deeply.
    """
    if value is MISSING:
        return b"m"
    if isinstance(value, str):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
        return b"s" + folded.strip(_BLANK).encode("utf-8", "surrogatepass")
    try:
        return b"j" + json.dumps(_as_javascript(value), sort_keys=True, separators=(",", ":")).encode()
    except RecursionError:
        raise ValueError("the value is nested too deeply") from None


def _as_javascript(value: object) -> object:
    """``value`` with each number as JavaScript's only type of number."""
    if isinstance(value, dict):
        return {key: _as_javascript(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_as_javascript(member) for member in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value) + 0.0
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    return value
