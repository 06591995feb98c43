"""A request to be explained, as people and programs write it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.review.dry_run.request import ADDRESS, DryRequest

KNOWN = frozenset(("method", "target", "headers", "body", "claims", "address", "at", "listener"))
USAGE = 'Write {"method": "GET", "target": "/...", "headers": {}, "body": "", "claims": {}, "address": "", "at": ""}'

MOST_FIELDS = 128
_LATEST = 253_402_300_799.0
"""Unix seconds at the end of the year 9999, beyond which no date is written."""


def moment(text: str, now: float) -> float:
    """``text``, RFC 3339 or Unix seconds, as Unix seconds; ``now`` where it is empty. A time without a zone is in UTC. Raises
    ValueError with a sentence."""
    if not text:
        return now
    try:
        found = float(text)
    except ValueError:
        try:
            read = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!a} is no time: write 2026-11-28T19:00:00Z or Unix seconds") from None
        found = (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()
    if not 0.0 <= found <= _LATEST:
        raise ValueError("the time is out of range: write one from 1970 to 9999")
    return found


def field_of(text: str) -> tuple[str, str]:
    """Name and value of a field that is written as ``name: value``. Raises ValueError with a sentence, which does not repeat it:
    it may be a secret."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ValueError("a header is written as 'name: value'")
    return name.strip(), value.strip()


def request_of(order: Mapping[str, Any]) -> DryRequest:
    """The request that ``order`` describes. Raises ValueError with a sentence that repeats nothing of it."""
    if not order.keys() <= KNOWN:
        raise ValueError(USAGE)
    for key in ("method", "target", "body", "address", "listener"):
        if not isinstance(order.get(key, ""), str):
            raise ValueError(f"{key} must be a text")
    headers, claims, listener = order.get("headers", {}), order.get("claims"), order.get("listener") or "public"
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise ValueError("headers must be an object of texts")
    if len(headers) > MOST_FIELDS:
        raise ValueError(f"headers are at most {MOST_FIELDS}")
    if claims is not None and not isinstance(claims, dict):
        raise ValueError("claims must be an object")
    if listener not in ("public", "egress"):
        raise ValueError("listener must be public or egress")
    body = str(order.get("body", "")).encode()
    return DryRequest(
        str(order.get("method", "")).strip(),
        str(order.get("target", "")),
        typed(tuple(headers.items()), body),
        framed(tuple(headers.items()), body),
        str(order.get("address") or ADDRESS),
        claims,
        listener,  # type: ignore[arg-type]  # one of both
    )


def typed(fields: tuple[tuple[str, str], ...], body: bytes) -> tuple[tuple[str, str], ...]:
    """``fields`` with Content-Type where ``body`` looks like JSON and nothing says what it is."""
    named = any(name.lower() == "content-type" for name, _ in fields)
    return fields if named or body[:1] not in (b"{", b"[") else (*fields, ("content-type", "application/json"))


def framed(fields: tuple[tuple[str, str], ...], body: bytes) -> bytes:
    """``body`` as a client sends it with ``fields``: in one chunk where they call it chunked. Raises ValueError where Content-Length
    is less than it has: what is beyond would be another request on the same connection."""
    named = {name.lower(): value.strip() for name, value in fields}
    length = named.get("content-length")
    if length is None:
        chunked = named.get("transfer-encoding", "").lower() == "chunked"
        return (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n" if chunked else body
    if length.isdecimal() and int(length[:20]) < len(body):
        raise ValueError("the body has more bytes than content-length says: those beyond would be another request")
    return body
