"""How a client came, for its upstream: the field Forwarded (RFC 7239), and the lines that the gateway writes."""

from __future__ import annotations

import re

from gateway.core.field_lines import FieldLines
from gateway.core.grammar import TOKEN

OVER_HTTP = FieldLines.of([(b"x-forwarded-proto", b"http")])
"""The lines of a client that came without TLS, unless a trusted proxy says more."""

OVER_TLS = FieldLines.of([(b"x-forwarded-proto", b"https")])
"""The same for one that came over TLS."""

_pair_at = re.compile(rf'({TOKEN})=(?:({TOKEN})|"([^"\\]*+(?:\\.[^"\\]*+)*)")').match
_end_at = re.compile(r"[ \t]*+([;,]|\Z)[ \t]*+").match
_ESCAPE = re.compile(r"\\(.)")

_LONGEST = 4096  # characters; an honest chain has far less, and reading as many takes a millisecond at worst


def elements(value: str) -> list[dict[str, str]]:
    """The elements of a Forwarded field, each with its parameters by their lower-case names.

    All of it has to be well-formed, what strangers wrote in front of the last element included: a quoted string that they
    leave open would take in what the proxies added behind it. Blanks around a semicolon are taken too, since many write
    one. Raises ValueError, whose sentence quotes nothing.
    """
    if len(value) > _LONGEST:
        raise ValueError("Forwarded is too long")
    found: list[dict[str, str]] = []
    element: dict[str, str] = {}
    at = len(value) - len(value.lstrip(" \t"))
    while True:
        pair = _pair_at(value, at)
        if pair is not None:
            name = pair[1].lower()
            if name in element:
                raise ValueError("Forwarded has a parameter twice in one element")  # RFC 7239 section 4
            element[name] = pair[2] if pair[3] is None else _ESCAPE.sub(r"\1", pair[3])
            at = pair.end()
        end = _end_at(value, at)
        if end is None:
            raise ValueError("Forwarded is malformed")
        at = end.end()
        if end[1] == ";":
            continue
        if element:  # an element of a list may be empty (RFC 9110 section 5.6.1.2)
            found.append(element)
            element = {}
        if not end[1]:
            return found


def written(client: str, proto: str, host: str) -> bytes:
    """The one element of the gateway's own Forwarded. ``host`` may be empty; none of them holds a quote or a backslash."""
    node = f'"[{client}]"' if ":" in client else client
    named = f';host="{host}"' if host else ""
    return f"for={node}{named};proto={proto}".encode()
