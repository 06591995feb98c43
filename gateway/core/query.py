"""One spelling for the query of a tRPC request, on which it depends how many calls there are and what they are given.

Only unreserved characters are decoded (RFC 3986 6.2.2.2): there ``%26`` is data and ``&`` is not. What a value holds is data;
the name of a parameter, and the value of ``batch``, must be text that every reader takes for the same.
"""

from __future__ import annotations

import re

from gateway.core.path import BARE_PERCENT, PCHAR, UNRESERVED, Ambiguous, members, respell, spellings, strangeness

# Browsers and shells send these raw (URL Standard, query percent-encode set, and what it leaves raw against RFC 3986).
_LENIENT = '"<>[\\]^`{|}'
_TO_ENCODE = {character: f"%{ord(character):02X}" for character in _LENIENT}
_IN_QUERY = spellings(UNRESERVED)
# Triplets that are canonical already: visible ASCII that is not unreserved.
_KEPT = "%(?:2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[B-D])"
_MOST_PARAMETERS = 100  # where one of them is no plain text
_LONGEST_NAME = 256  # characters, likewise
_MOST_BARE = 512  # percent signs that begin no triplet
_SEARCH = members(PCHAR + ";/?") + "*+"

is_canonical = re.compile(f"{_SEARCH}(?:{_KEPT}{_SEARCH})*").fullmatch
"""Matches a query that ``canonical_query`` leaves as it is, and not all of those: most that clients send."""


def canonical_query(query: str) -> str:
    """The canonical spelling of a ``query`` as ``core.path.canonical`` gives it. Canonical twice is canonical once.

    Order and repetition of parameters are kept. Raises Ambiguous for a name, and for a value of ``batch``, with a control
    character, a percent sign that begins no triplet, or what is not UTF-8: readers end a text there, decode it otherwise, or
    leave it as it is.
    """
    if is_canonical(query) is not None:
        return query
    bare = BARE_PERCENT.search(query) is not None
    spelled = respell(BARE_PERCENT.sub("%25", query, _MOST_BARE) if bare else query, _IN_QUERY, "query")
    if bare or strangeness(spelled):
        _check_names(query)
    return _encoded(spelled)


def _encoded(text: str) -> str:
    for character, triplet in _TO_ENCODE.items():
        text = text.replace(character, triplet)
    return text


def _check_names(query: str) -> None:
    if query.count("&") >= _MOST_PARAMETERS:
        raise Ambiguous("the query has too many parameters")
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        if _text(name) == "batch":
            _text(value)


def _text(part: str) -> str:
    if len(_encoded(part)) > _LONGEST_NAME:  # in its canonical spelling too, or canonical twice would be a refusal
        raise Ambiguous("the query has a parameter whose name is too long")
    text = respell(part, _IN_QUERY, "query")
    strange = strangeness(text)
    if strange:
        raise Ambiguous(f"the query {strange}")
    return text
