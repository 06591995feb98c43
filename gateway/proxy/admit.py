"""What is checked of a request's head before any policy sees it: one reading, or none (RFC 9112, RFC 9110)."""

from __future__ import annotations

import re
from itertools import chain

from aiohttp.http_parser import RawRequestMessage

from gateway.core.exchange import Exchange
from gateway.core.fields import Malformed, collect, hop_by_hop
from gateway.core.path import Ambiguous, canonical, split_target
from gateway.core.reason import Refusal, refuse

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# RFC 9112 3.2: an invalid Host is refused. What a real client sends is a name or an address, and perhaps a port.
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?").fullmatch


def fields_of(message: RawRequestMessage) -> dict[bytes, bytes] | Refusal:
    """The request's fields by lower-case name, or the refusal of a head that may not be passed on."""
    try:
        fields = collect(message.raw_headers)
        hop_by_hop(fields)
    except Malformed as error:
        return refuse("head_malformed", str(error), close=True)
    return fields


def size(message: RawRequestMessage, limit: int) -> Refusal | None:
    """The refusal of a head whose line and fields together are over ``limit`` bytes; the parser bounds each one only."""
    raw = message.raw_headers
    if len(message.path) + len(b"".join(chain.from_iterable(raw))) + 4 * len(raw) > limit:
        return refuse("headers_too_large", close=True)
    return None


def head(exchange: Exchange, message: RawRequestMessage) -> Refusal | None:
    """Check version, framing and target, and set the canonical path and query."""
    fields = exchange.fields
    version = message.version
    if version.major != 1 or version.minor > 1:
        return refuse("head_malformed", "HTTP version", close=True)
    host = fields.get(b"host")
    if host is None and version.minor == 1:
        return refuse("head_malformed", "no Host", close=True)
    for name in (b"host", b"content-length", b"transfer-encoding", b"origin", b"expect"):
        if name in fields and b"," in fields[name]:
            return refuse("head_malformed", f"more than one value in {name.decode()}", close=True)
    if host is not None and _HOST(host) is None:
        return refuse("head_malformed", "Host is not a name or an address", close=True)
    coding = fields.get(b"transfer-encoding")
    if coding is not None and (version.minor == 0 or b"content-length" in fields or coding.lower() != b"chunked"):
        # RFC 9112 6.1: the classic of request smuggling, so nothing but the plain form is taken
        return refuse("head_malformed", "transfer-encoding", close=True)
    if exchange.method not in _METHODS:
        return refuse("method_not_allowed", exchange.method, headers=((b"allow", b"GET, POST, OPTIONS"),), close=True)
    expect = fields.get(b"expect")
    if expect is not None and expect.lower() != b"100-continue":
        return refuse("expectation_failed", close=True)
    return _target(exchange, host)


def _target(exchange: Exchange, host: bytes | None) -> Refusal | None:
    try:
        authority, target = split_target(exchange.target)
        if authority is not None and (host is None or authority.lower().encode() != host.lower()):
            return refuse("head_malformed", "the target's authority is not Host's", close=True)
        if target == "*":
            return refuse("no_route", "asterisk-form")
        exchange.path, exchange.query = canonical(target)
    except Ambiguous as error:
        return refuse("path_ambiguous", str(error))
    return None
