"""What goes back to the client: answer heads as raw bytes, and refusals in the shape the client can read."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

import orjson

from gateway.core.exchange import Exchange, Pair
from gateway.core.lines import Lines
from gateway.core.reason import Refusal

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

PROBLEM = (b"content-type", b"application/problem+json")
JSON = (b"content-type", b"application/json")
_CLOSE = b"connection: close\r\n\r\n"


class _Date:
    """The Date field of answers that begin here (RFC 9110 6.6.1), written anew once a second."""

    __slots__ = ("_field", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._field = (b"date", b"")

    def field(self, wall: float) -> Pair:
        """The field for the moment ``wall``, in Unix seconds."""
        second = int(wall)
        if second != self._second:
            self._second, self._field = second, (b"date", formatdate(second, usegmt=True).encode())
        return self._field


DATE = _Date()


def status_line(status: int) -> bytes:
    """The status line for ``status``, which may be one without a registered phrase."""
    return _LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def answer_head(
    status: int,
    pairs: list[Pair],
    added: list[Lines],
    removed: frozenset[bytes],
    framing: bytes,
    keep_alive: bool,
) -> bytes:
    """The head of an answer up to and with the empty line.

    ``pairs`` come from the upstream with lower-case names; ``added`` come from the stages and win over them, except
    that ``vary`` is the union of both. ``framing`` is one ready header line, or empty.
    """
    replaced = _replaced(removed, *[ours.names for ours in added])
    vary = b""
    lines = [status_line(status)]
    for pair in pairs:
        if pair[0] not in replaced:
            lines.append(b"%b: %b\r\n" % pair)
        elif pair[0] == b"vary":
            vary += b"," + pair[1]
    for ours in added:
        lines.append(ours.raw)
        if ours.vary:
            vary += b"," + ours.vary
    if vary:
        lines.append(_vary(vary))
    lines.append(framing)
    lines.append(b"\r\n" if keep_alive else _CLOSE)
    return b"".join(lines)


@lru_cache(maxsize=1024)
def _replaced(*names: frozenset[bytes]) -> frozenset[bytes]:
    """All of the upstream's fields that do not reach the client under the stages that speak up."""
    return frozenset().union(*names)


@lru_cache(maxsize=256)
def _vary(values: bytes) -> bytes:
    """One Vary line that names each field once, in the order first met (RFC 9110 12.5.5)."""
    seen: dict[bytes, bytes] = {}
    for token in values.split(b","):
        if token.strip():
            seen.setdefault(token.strip().lower(), token.strip())
    return b"vary: " + b", ".join(seen.values()) + b"\r\n"


def refusal_body(refusal: Refusal, exchange: Exchange, shape: str) -> tuple[Pair, bytes]:
    """The content type and body of a refusal.

    ``shape``: ``superjson`` or ``none`` for a tRPC route with that transformer (one un-arrayed object, which the real
    client applies to every call of a batch), ``problem`` for all else (RFC 9457).
    """
    reason = refusal.reason
    sentence = reason.sentence
    if "{retry_after}" in sentence:
        sentence = sentence.format(retry_after=refusal.retry_after).replace(" 1 seconds", " 1 second")
    extra: dict[str, object] = {"reason": reason.slug, "request_id": exchange.id}
    if refusal.retry_after:
        extra["retry_after"] = refusal.retry_after
    if shape == "problem":
        return PROBLEM, orjson.dumps({"title": reason.title, "status": reason.status, "detail": sentence, **extra})
    data = {"code": reason.rpc_name, "httpStatus": reason.status, "path": None, **extra}
    error: dict[str, object] = {"message": sentence, "code": reason.rpc_code, "data": data}
    return JSON, orjson.dumps({"error": {"json": error} if shape == "superjson" else error})


def refusal_fields(refusal: Refusal) -> list[Pair]:
    """The fields a refusal brings along, Retry-After among them (RFC 9110 10.2.3)."""
    fields = list(refusal.headers)
    if refusal.retry_after:
        fields.append((b"retry-after", b"%d" % refusal.retry_after))
    return fields
