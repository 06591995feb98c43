"""What a client may not choose about a response that a stage goes by, such as a lockout by its status.

A backend that responds in several forms has a status for each: 401 in JSON may be a redirect to a page for a client that
accepts HTML, 304 or 412 for one that states a condition (RFC 9110 section 13), 202 for one that prefers not to wait (RFC 7240).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.core.changed_head import ChangedHead
from gateway.core.exchange import Exchange

_STEERING = frozenset(
    b"accept-encoding if-match if-modified-since if-none-match if-range if-unmodified-since prefer range".split()
)
_CHANGED = _STEERING | {b"accept"}
_RANGE = r"(?:\*/\*|application/(?:\*|[a-z0-9.+-]*json))"
_JSON = re.compile(f"{_RANGE}(?:, ?{_RANGE})*".encode(), re.IGNORECASE).fullmatch


def steer(exchange: Exchange) -> None:
    """Take out of ``exchange`` what a client may not choose."""
    exchange.fields = unsteered(exchange.fields)
    if exchange.head is not None:
        kept = [pair for pair in exchange.head.raw if pair[0].lower() not in _CHANGED]
        accept = [pair for pair in exchange.fields.items() if pair[0] == b"accept"]
        exchange.head = ChangedHead((*kept, *accept), exchange.head.version)


def unsteered(fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """``fields`` without those that choose the status or the form of a response; what is accepted is JSON."""
    kept = {name: value for name, value in fields.items() if name not in _STEERING}
    if b"accept" in kept and _JSON(kept[b"accept"]) is None:
        kept[b"accept"] = b"application/json"
    return kept
