"""The part of a path that no route names, which goes upstream as it came.

Behind an upstream stand object stores, caches and what checks signatures, to which ``%2B`` and ``+`` are two keys. So only
what a pattern names is respelled, and what its ``*`` takes is not: no pattern has a triplet that could be decoded, so every
reader that decodes some of it stays with the same route.

Some paths of browsers have no one spelling at all: an encoded slash, a semicolon, a percent sign alone. They pass below a
pattern that nothing else is named below: however they are read, that leads to no other route, unless by a dot segment.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from gateway.core.dot_segment import MOST_TRIPLETS, SLASH, UNSEEN, leads_up
from gateway.core.path import PCHAR, Ambiguous, divided, split_target

_MOST_DECODED = 4  # times; what is encoded more often than that is no name of anything
_CARRIED = re.compile("[" + re.escape(PCHAR + ";[]^|%/") + "]*+").fullmatch
# Longer forms of ASCII characters (RFC 3629 section 10), and the escapes of IIS: lenient decoders take them for a dot or a slash.
_OVERLONG = re.compile("%(?:C[01]|E0%[89]|F0%8|F[89A-F]%[89AB])|%u", re.IGNORECASE).search
_FIRST = re.compile(rf"[{UNSEEN}]*+[^{SLASH};?#:\x00{UNSEEN}]").match
_SLASHES = re.compile(rf"[{SLASH}{UNSEEN}]*+").match


def sent_path(target: str) -> tuple[str, str]:
    """Path and query of a target in origin-form or absolute-form, both as they came. Raises Ambiguous."""
    return divided(split_target(target)[1])


def below(prefix: str, path: str) -> str:
    """``path``, as it was sent, with its beginning in the spelling ``prefix``, which ends with a slash and is what the
    canonical spelling of ``path`` begins with."""
    rest = path
    for _ in range(prefix.count("/")):
        rest = rest[rest.index("/") + 1 :]
    return prefix + rest


def unspelled_query(target: str) -> str | None:
    """The query of a target whose path has no canonical spelling; None where its path is none that the URL Standard gives."""
    try:
        path, query = sent_path(target)
    except Ambiguous:
        return None
    return query if path[:1] == "/" and _CARRIED(path) is not None else None


def stays_below(prefix: str, path: str) -> bool:
    """Whether every reading of ``path``, which begins with ``prefix`` and a slash, is of something below that.

    Readers decode once or several times, cut parameters off, take backslashes for slashes, merge slashes, drop what they
    cannot decode or do not see, and end a text at a NUL. A dot segment in any of these readings may lead elsewhere, and a
    second slash at the very beginning is another host (URL Standard 4.4).
    """
    rest = path[len(prefix) :]
    if rest.count("%") > MOST_TRIPLETS:
        return False
    for _ in range(_MOST_DECODED):
        if _OVERLONG(rest) or leads_up(rest):
            return False
        skipped = _SLASHES(rest)
        if _FIRST(rest, 0 if prefix == "/" or skipped is None else skipped.end()) is None:
            return False
        decoded = unquote(rest)
        if decoded == rest:
            return True
        rest = decoded
    return False
