"""One reading for every target: what is matched is what is forwarded.

A path that a second parser could read otherwise is refused, unless no reading of it leads to another route
(``core.path_sent``). For routing it is rewritten to one spelling: every character that a segment may hold is written as
itself (RFC 3986 3.3 ``pchar``, without ``;``), every other one as an upper-case triplet. So ``%40me`` and ``@me`` cannot reach
two routes. A query is data and is left as it came; where routes depend on it, ``core.query`` reads it. All sentences are safe
to log, as they never hold a part of the target.
"""

from __future__ import annotations

import re

from gateway.core.dot_segment import may_lead_up
from gateway.core.grammar import HOST, PORT

UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
PCHAR = UNRESERVED + "!$&'()*+,=:@"
# Left as they are in a path by the URL Standard (path percent-encode set, of which ^ is a part since 2023 only) and never
# sent by a client that follows RFC 3986 alone: the same as their triplets to every server that takes them.
_LENIENT = "[]^|"
_MOST_LENIENT = 1024  # of them, since as triplets they make a path three times as long, and what is done with it


def members(characters: str) -> str:
    """A class of a regular expression with these characters."""
    return "[" + re.escape(characters) + "]"


# What of a query is not refused: visible characters, of which the URL Standard encodes some and curl none, but for #.
_DATA = '[!"$-~]'
_plain = re.compile(rf"/{members(PCHAR + '/')}*+(?:\?{_DATA}*+)?").fullmatch
_not_data = re.compile('[^!"$-~]').search
# Triplets of UTF-8 (RFC 3629 section 4) and what is between them: to decode 16 KiB of them takes 1 ms, this a third of it.
_TAIL = "%[89AB][0-9A-F]"
_is_utf8 = re.compile(
    f"(?:[^%]++|%[0-7][0-9A-F]|%(?:C[2-9A-F]|D[0-9A-F]){_TAIL}|%E0%[AB][0-9A-F]{_TAIL}|%E[1-9A-CEF]{_TAIL}{_TAIL}|"
    f"%ED%[89][0-9A-F]{_TAIL}|%F0%[9AB][0-9A-F]{_TAIL}{_TAIL}|%F[1-3]{_TAIL}{_TAIL}{_TAIL}|"
    f"%F4%8[0-9A-F]{_TAIL}{_TAIL})*"
).fullmatch
_HIGH = re.compile("%[89A-F]")
BARE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
"""A percent sign that begins no triplet."""
_CONTROL = re.compile("%(?:[01][0-9A-F]|7F|C2%[89])")
_DOUBLE = re.compile("%25[0-9A-Fa-f]{2}")
_NOT_PATH = re.compile("[^" + re.escape(PCHAR + _LENIENT + "%/") + "]")
_TO_ENCODE = {character: f"%{ord(character):02X}" for character in _LENIENT}
_AUTHORITY = re.compile(f"{HOST}(?::{PORT})?")
_ABSOLUTE = re.compile(r"https?://([^/?]*+)(.*)", re.IGNORECASE | re.DOTALL)


class Ambiguous(ValueError):
    """The target has more than one reading, or none. The sentence is safe to log."""


def spellings(decoded: str) -> dict[str, str]:
    """Canonical spelling of every triplet by its digits in either case, where the characters ``decoded`` stand as themselves."""
    table = {}
    for byte in range(0x100):
        digits = f"{byte:02X}"
        spelling = chr(byte) if chr(byte) in decoded else f"%{digits}"
        for variant in {digits, digits.lower(), digits[0].lower() + digits[1], digits[0] + digits[1].lower()}:
            table[variant] = spelling
    return table


_IN_PATH = spellings(PCHAR)
# Refused in a path: servers differ on whether an encoded slash separates, a backslash is a slash (URL Standard 4.4),
# and a semicolon begins a parameter that is cut off before matching.
_REFUSED_IN_PATH = {"/": "an encoded slash", "\\": "a backslash", ";": "a semicolon"}


def split_target(target: str) -> tuple[str | None, str]:
    """The authority (None unless absolute-form) and the origin-form of a request target; ``*`` stays ``*``.

    Raises Ambiguous for authority-form, other schemes than http and https, user information, and an authority
    that is not host or host:port (RFC 9112 3.2).
    """
    if target[:1] == "/" or target == "*":
        return None, target
    parts = _ABSOLUTE.fullmatch(target)
    if parts is None:
        raise Ambiguous("the target neither begins with a slash nor is an absolute http address")
    authority, rest = parts[1], parts[2]
    if _AUTHORITY.fullmatch(authority) is None:
        raise Ambiguous("the authority of the absolute target is not host or host:port")
    return authority, rest if rest[:1] == "/" else "/" + rest


def canonical(target: str) -> tuple[str, str]:
    """The canonical path of an origin-form target, and its query (without ``?``) as it came. Canonical twice is canonical once.

    Raises Ambiguous. A trailing slash is kept.
    """
    if _plain(target) is not None and "/." not in target and "//" not in target:
        path, _, query = target.partition("?")
        return path, query
    path, query = divided(target)
    return _path(path), query


def divided(target: str) -> tuple[str, str]:
    """Path and query (without ``?``) of an origin-form target, both as they came.

    Raises Ambiguous for a path that does not begin with a slash, a fragment, and a byte outside ASCII or not visible in the query.
    """
    if not target.isascii():
        raise Ambiguous("the target holds a raw byte outside ASCII")
    if "#" in target:
        raise Ambiguous("the target holds a fragment")
    path, _, query = target.partition("?")
    if path[:1] != "/":
        raise Ambiguous("the path does not begin with a slash")
    if _not_data(query) is not None:
        raise Ambiguous("the query holds a character that must be percent-encoded")
    return path, query


def _path(raw: str) -> str:
    found = _NOT_PATH.search(raw)
    if found is not None:
        what = _REFUSED_IN_PATH.get(found[0], "a character that must be percent-encoded")
        raise Ambiguous(f"the path holds {what}")
    path = respell(raw, _IN_PATH, "path")
    length = len(path)
    for character, triplet in _TO_ENCODE.items():
        path = path.replace(character, triplet)
    if len(path) > length + 2 * _MOST_LENIENT:
        raise Ambiguous("the path holds too many characters that should be percent-encoded")
    for digits, character in (("%2F", "/"), ("%5C", "\\"), ("%3B", ";")):
        if digits in path:
            raise Ambiguous(f"the path holds {_REFUSED_IN_PATH[character]}")
    strange = strangeness(path)
    if strange:
        raise Ambiguous(f"the path {strange}")
    if _DOUBLE.search(path):
        raise Ambiguous("the path is percent-encoded twice")
    segments = path.split("/")
    if "" in segments[1:-1]:
        raise Ambiguous("the path holds an empty segment")
    if "." in segments or ".." in segments or may_lead_up(path):
        raise Ambiguous("the path holds a dot segment")
    return path


def respell(raw: str, table: dict[str, str], where: str) -> str:
    """``raw`` with every triplet in its spelling of ``table``. Raises Ambiguous for a percent sign that begins none."""
    if "%" not in raw:
        return raw
    before, *parts = raw.split("%")
    try:
        return before + "".join([table[part] if len(part) == 2 else table[part[:2]] + part[2:] for part in parts])
    except KeyError:
        raise Ambiguous(f"the {where} holds a percent sign that begins no triplet") from None


def strangeness(text: str) -> str:
    """What ``text``, whose triplets are in upper case, holds or is that readers take for different things, as the end of a
    sentence; empty for plain text."""
    if "%" not in text:
        return ""
    if _CONTROL.search(text) is not None:
        return "holds an encoded control character"
    return "is not UTF-8" if _HIGH.search(text) is not None and _is_utf8(text) is None else ""
