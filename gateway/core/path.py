"""One spelling for every target: what is matched is what is forwarded.

A target that a second parser could read otherwise is refused; everything else is rewritten to the one spelling that
routes are matched on and that goes upstream. In a path every character that a segment may hold is written as itself
(RFC 3986 3.3 ``pchar``, without ``;``), every other one as an upper-case triplet. So ``%40me`` and ``@me`` cannot
reach two routes. In a query only unreserved characters are decoded (RFC 3986 6.2.2.2): there ``%26`` is data and ``&``
is not. All sentences are safe to log, as they never hold a part of the target.
"""

from __future__ import annotations

import re

from gateway.core.grammar import HOST, PORT

_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_PCHAR = _UNRESERVED + "!$&'()*+,=:@"
_QUERY = _PCHAR + ";/?"
# A correct client never sends these raw, but browsers and shells do: in a query they can only be data (URL Standard,
# query percent-encode set, and the characters that it leaves raw against RFC 3986).
_QUERY_LENIENT = '"<>[\\]^`{|}'


def _members(characters: str) -> str:
    return "[" + re.escape(characters) + "]"


# Triplets that are already canonical in a query: visible ASCII that is not unreserved.
_KEPT = "%(?:2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[B-D])"
_SEARCH = _members(_QUERY) + "*+"
_plain = re.compile(rf"/{_members(_PCHAR + '/')}*+(?:\?{_SEARCH}(?:{_KEPT}{_SEARCH})*)?").fullmatch
# Triplets of UTF-8 (RFC 3629 section 4) and what is between them: to decode 16 KiB of them takes 1 ms, this a third of it.
_TAIL = "%[89AB][0-9A-F]"
_UTF8 = re.compile(
    f"(?:[^%]++|%[0-7][0-9A-F]|%(?:C[2-9A-F]|D[0-9A-F]){_TAIL}|%E0%[AB][0-9A-F]{_TAIL}|%E[1-9A-CEF]{_TAIL}{_TAIL}|"
    f"%ED%[89][0-9A-F]{_TAIL}|%F0%[9AB][0-9A-F]{_TAIL}{_TAIL}|%F[1-3]{_TAIL}{_TAIL}{_TAIL}|"
    f"%F4%8[0-9A-F]{_TAIL}{_TAIL})*"
).fullmatch
_BARE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_DOUBLE = re.compile("%25[0-9A-Fa-f]{2}")
_HIGH = re.compile("%[89A-F]")
_C1 = re.compile("%C2%[89]")
_NOT_PATH = re.compile("[^" + re.escape(_PCHAR + "%/") + "]")
_NOT_QUERY = re.compile("[^" + re.escape(_QUERY + _QUERY_LENIENT + "%") + "]")
_TO_ENCODE = {character: f"%{ord(character):02X}" for character in _QUERY_LENIENT}
_AUTHORITY = re.compile(f"{HOST}(?::{PORT})?")
_ABSOLUTE = re.compile(r"https?://([^/?]*+)(.*)", re.IGNORECASE | re.DOTALL)


class Ambiguous(ValueError):
    """The target has more than one reading, or none. The sentence is safe to log."""


def _spellings(decoded: str) -> dict[str, str]:
    """Canonical spelling by triplet digits in either case; none for a control byte, which no target may hold."""
    table = {}
    for byte in (*range(0x20, 0x7F), *range(0x80, 0x100)):
        digits = f"{byte:02X}"
        spelling = chr(byte) if chr(byte) in decoded else f"%{digits}"
        for variant in {digits, digits.lower(), digits[0].lower() + digits[1], digits[0] + digits[1].lower()}:
            table[variant] = spelling
    return table


_IN_PATH = _spellings(_PCHAR)
_IN_QUERY = _spellings(_UNRESERVED)
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
    """The canonical path and query (without ``?``) of an origin-form target. Canonical twice is canonical once.

    Raises Ambiguous. A trailing slash is kept, as are the order and repetition of query parameters.
    """
    if _plain(target) is not None and "/." not in target and "//" not in target:
        path, _, query = target.partition("?")
        return path, query
    if not target.isascii():
        raise Ambiguous("the target holds a raw byte outside ASCII")
    if "#" in target:
        raise Ambiguous("the target holds a fragment")
    path, _, query = target.partition("?")
    return _path(path), _query(query)


def _path(raw: str) -> str:
    if raw[:1] != "/":
        raise Ambiguous("the path does not begin with a slash")
    strange = _NOT_PATH.search(raw)
    if strange is not None:
        what = _REFUSED_IN_PATH.get(strange[0], "a character that must be percent-encoded")
        raise Ambiguous(f"the path holds {what}")
    path = _respell(raw, _IN_PATH, "path")
    for digits, character in (("%2F", "/"), ("%5C", "\\"), ("%3B", ";")):
        if digits in path:
            raise Ambiguous(f"the path holds {_REFUSED_IN_PATH[character]}")
    if _C1.search(path):
        raise Ambiguous("the path holds an encoded control character")
    if _DOUBLE.search(path):
        raise Ambiguous("the path is percent-encoded twice")
    segments = path.split("/")
    if "" in segments[1:-1]:
        raise Ambiguous("the path holds an empty segment")
    if "." in segments or ".." in segments:
        raise Ambiguous("the path holds a dot segment")
    return path


def _query(raw: str) -> str:
    if _NOT_QUERY.search(raw):
        raise Ambiguous("the query holds a character that must be percent-encoded")
    query = _respell(raw, _IN_QUERY, "query")
    for character, triplet in _TO_ENCODE.items():
        query = query.replace(character, triplet)
    return query


def _respell(raw: str, table: dict[str, str], where: str) -> str:
    """``raw`` with every triplet in its canonical spelling. Raises Ambiguous for broken or control triplets."""
    if "%" not in raw:
        return raw
    before, *parts = raw.split("%")
    try:
        text = before + "".join([table[part] if len(part) == 2 else table[part[:2]] + part[2:] for part in parts])
    except KeyError:
        what = "a percent sign that begins no triplet" if _BARE_PERCENT.search(raw) else "an encoded control character"
        raise Ambiguous(f"the {where} holds {what}") from None
    if _HIGH.search(text) and _UTF8(text) is None:
        raise Ambiguous(f"the {where} is not UTF-8")
    return text
