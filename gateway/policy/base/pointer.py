"""Values inside JSON documents: found by pointer (RFC 6901) and spelled one way, so that they can be counted under."""

from __future__ import annotations

import json
import unicodedata
from typing import Any, Final

MISSING: Final = object()
"""What a pointer finds where there is nothing; not the same as null."""

# JavaScript's trim() takes the byte order mark for white space, Python's strip() does not.
_BLANK = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_BLANK += "\u2028\u2029\u202f\u205f\u3000\ufeff"


def parts_of(pointer: str) -> tuple[str, ...]:
    """The reference tokens of ``/a/0/b~1c``. Raises ValueError when it does not begin with a slash."""
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no pointer: it begins with a slash")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/"))


def find(document: Any, parts: tuple[str, ...]) -> Any:
    """What stands at ``parts``, or MISSING."""
    for part in parts:
        if isinstance(document, dict):
            document = document.get(part, MISSING)
        elif isinstance(document, list) and part.isdecimal() and part.isascii() and str(int(part)) == part:
            document = document[int(part)] if int(part) < len(document) else MISSING
        else:
            return MISSING
    return document


def spelled_alike(value: Any) -> bytes:
    """One spelling for all that a backend may take for the same value, and different ones for different kinds.

    Texts lose case, compatibility forms (UAX 15 NFKC) and blanks around them. All else is JSON with sorted keys and
    with the numbers that JavaScript would read: 1, 1.0 and 1e0 are one, and so are -0 and 0.
    """
    if value is MISSING:
        return b"m"
    if isinstance(value, str):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
        return b"s" + folded.strip(_BLANK).encode("utf-8", "surrogatepass")
    try:
        return b"j" + json.dumps(_as_read(value), sort_keys=True, separators=(",", ":")).encode()
    except RecursionError:
        raise ValueError("the value is nested too deeply") from None


def _as_read(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_read(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_as_read(member) for member in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value) + 0.0
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    return value
