"""What goes back to the client: answer heads as raw bytes, and refusals in the shape the client can read."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import orjson

from gateway.core import error_format
from gateway.core.error_format import problem, refusal_members, trpc_error
from gateway.core.exchange import Exchange
from gateway.core.field_lines import FieldLines
from gateway.core.fields import Pair
from gateway.core.reason import Reason
from gateway.core.response_fields import ResponseFields
from gateway.core.verdict import Refusal

if TYPE_CHECKING:
    from gateway.proxy.routing.route import CompiledRoute

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

PROBLEM = (b"content-type", error_format.PROBLEM_JSON.encode())
JSON = (b"content-type", error_format.JSON.encode())
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
    fields: ResponseFields,
    added: list[FieldLines],
    removed: frozenset[bytes],
    framing: bytes,
    keep_alive: bool,
) -> bytes:
    """The head of an answer up to and with the empty line.

    ``fields`` come from the upstream; ``added`` come from the stages and win over them, except that ``vary`` is the
    union of both. ``framing`` is one ready header line, or empty.
    """
    theirs, vary = fields.lines(_replaced(removed, *[ours.names for ours in added]))
    lines = [status_line(status), theirs]
    for ours in added:
        lines.append(ours.raw)
        if ours.vary:
            vary += b"," + ours.vary
    lines += (_vary(vary) if vary else b"", framing, b"\r\n" if keep_alive else _CLOSE)
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
    return _body(refusal.reason, refusal.retry_after, exchange.id, shape)


def _body(reason: Reason, retry_after: int, request_id: str, shape: str) -> tuple[Pair, bytes]:
    sentence = reason.sentence
    if "{retry_after}" in sentence:
        sentence = sentence.format(retry_after=retry_after).replace(" 1 seconds", " 1 second")
    members = refusal_members(reason.slug, request_id, retry_after)
    if shape == "problem":
        return PROBLEM, orjson.dumps(problem(reason.title, reason.status, sentence, members))
    return JSON, orjson.dumps(trpc_error(shape, sentence, reason.status, members))


class _Ready(NamedTuple):
    """An answer to refused requests, but for Date, what its last stage adds, its length and the request's id."""

    line: bytes
    fields: bytes
    vary: bytes
    before: bytes  # the id, a JSON text
    after: bytes


_STAND_IN = "the id of the request"
_SILENT = FieldLines(frozenset(), b"")


# Those of a flood are much the same within a second, in the next one the wait is another: more would only gather.
@lru_cache(maxsize=256)
def _ready(
    reason: Reason,
    retry_after: int,
    headers: tuple[Pair, ...],
    shape: str,
    removed: frozenset[bytes],
    names: frozenset[bytes],
    varies: bytes,
    *added: FieldLines,
) -> _Ready:
    """``names`` and ``varies`` are those of the last lines, whose ``raw`` differs from request to request."""
    content_type, body = _body(reason, retry_after, _STAND_IN, shape)
    before, after = body.split(orjson.dumps(_STAND_IN))
    own = [content_type, (b"cache-control", b"no-store"), *headers]
    if retry_after:
        own.append((b"retry-after", b"%d" % retry_after))  # RFC 9110 10.2.3
    replaced = _replaced(removed, names, *[ours.names for ours in added])
    fields = [b"%b: %b\r\n" % pair for pair in own if pair[0] not in replaced]
    vary = b",".join([values for values in (*[ours.vary for ours in added], varies) if values])
    return _Ready(
        status_line(reason.status),
        b"".join([*fields, *[ours.raw for ours in added]]),
        _vary(vary) if vary else b"",
        before,
        after,
    )


def refusal_answer(refusal: Refusal, exchange: Exchange, plan: CompiledRoute, date: Pair, keep_alive: bool) -> bytes:
    """The whole answer to a refused request, and its ``bytes_out``.

    Put together from pieces that are the same for every request refused so: a flood of bad requests costs little.
    """
    added = exchange.response_headers
    # The last to speak is the first stage, which names the request; what all others say is found ready.
    last = added[-1] if added else _SILENT
    ready = _ready(
        refusal.reason,
        refusal.retry_after,
        refusal.headers,
        plan.error_format,
        plan.removed,
        last.names,
        last.vary,
        *added[:-1],
    )
    body = b"%b%b%b" % (ready.before, orjson.dumps(exchange.id), ready.after)
    length = len(body)
    if exchange.method == "HEAD":
        body = b""
    exchange.bytes_out = len(body)
    end = b"\r\n" if keep_alive else _CLOSE
    return b"%b%b: %b\r\n%b%b%bcontent-length: %d\r\n%b%b" % (
        ready.line,
        *date,
        ready.fields,
        last.raw,
        ready.vary,
        length,
        end,
        body,
    )
