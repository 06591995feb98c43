"""Responses as bytes: heads, refusals in the format that the client can read, and whole responses of an upstream.

Every function here is pure: it decides nothing, changes nothing and writes nothing.
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

import orjson

from gateway.core import error_format as formats
from gateway.core.error_format import problem, refusal_members, trpc_error
from gateway.core.exchange import Exchange
from gateway.core.field_lines import FieldLines
from gateway.core.fields import Pair
from gateway.core.issue import problem_members, trpc_members
from gateway.core.reason import REASONS, Reason
from gateway.core.response_fields import ResponseFields, response_pairs
from gateway.core.verdict import Details, Refusal, Reply
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.routing.route import CompiledRoute

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

PROBLEM = (b"content-type", formats.PROBLEM_JSON.encode())
JSON = (b"content-type", formats.JSON.encode())

# The end of a head, by what becomes of the connection. One of HTTP/1.0 stays open only where that is written (RFC 9112 9.3).
KEPT = b"\r\n"
KEPT_BY_HTTP10 = b"connection: keep-alive\r\n\r\n"
CLOSED = b"connection: close\r\n\r\n"

_NEVER_FORWARDED = frozenset({b"content-length", b"transfer-encoding", b"trailer"})


def status_line(status: int) -> bytes:
    """The status line for ``status``, which may be one without a registered phrase."""
    return _LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def render_head(
    status: int,
    fields: ResponseFields,
    added: list[FieldLines],
    removed: frozenset[bytes],
    framing: bytes,
    end: bytes,
) -> bytes:
    """The head of a response up to and with the empty line.

    ``fields`` come from the upstream; ``added`` come from the stages and win over them, except that ``vary`` is the
    union of both. ``framing`` is one ready header line, or empty; ``end`` is one of ``KEPT``, ``KEPT_BY_HTTP10``, ``CLOSED``.
    """
    theirs, vary = fields.lines(_replaced(removed, *[ours.names for ours in added]))
    lines = [status_line(status), theirs]
    for ours in added:
        lines.append(ours.raw)
        if ours.vary:
            vary += b"," + ours.vary
    lines += (_vary(vary) if vary else b"", framing, end)
    return b"".join(lines)


@lru_cache(maxsize=1024)
def _replaced(*names: frozenset[bytes]) -> frozenset[bytes]:
    """The names of an upstream's fields that do not reach the client, since a stage removes or replaces them."""
    return frozenset().union(*names)


@lru_cache(maxsize=256)
def _vary(values: bytes) -> bytes:
    """One Vary line that names each field once, in the order first met (RFC 9110 12.5.5)."""
    seen: dict[bytes, bytes] = {}
    for token in values.split(b","):
        if token.strip():
            seen.setdefault(token.strip().lower(), token.strip())
    return b"vary: " + b", ".join(seen.values()) + b"\r\n"


def refusal_content(refusal: Refusal, request_id: str, error_format: str) -> tuple[Pair, bytes]:
    """The content type and content of a refusal.

    ``error_format``: ``superjson`` or ``none`` for a tRPC route with that transformer (one un-arrayed object, which the real
    client applies to every call of a batch), ``problem`` for all else (RFC 9457).
    """
    return _content(refusal.reason, refusal.retry_after, request_id, error_format)


def _content(reason: Reason, retry_after: int, request_id: str, error_format: str) -> tuple[Pair, bytes]:
    sentence = reason.sentence
    if "{retry_after}" in sentence:
        sentence = sentence.format(retry_after=retry_after).replace(" 1 seconds", " 1 second")
    members = refusal_members(reason.slug, request_id, retry_after)
    if error_format == "problem":
        return PROBLEM, orjson.dumps(problem(reason.title, reason.status, sentence, members))
    return JSON, orjson.dumps(trpc_error(error_format, sentence, reason.status, members))


class _Template(NamedTuple):
    """A response to refused requests without Date, the fields of the last stage, its length and the request's id."""

    line: bytes
    fields: bytes
    vary: bytes
    before: bytes  # the id, a JSON text
    after: bytes


_PLACEHOLDER = "the id of the request"
_NO_LINES = FieldLines(frozenset(), b"")


# Refusals of a flood are the same within a second; in the next one the wait is another, so more would only pile up.
@lru_cache(maxsize=256)
def _template(
    reason: Reason,
    retry_after: int,
    headers: tuple[Pair, ...],
    error_format: str,
    removed: frozenset[bytes],
    names: frozenset[bytes],
    varies: bytes,
    *added: FieldLines,
) -> _Template:
    """The template of one refusal. ``names`` and ``varies`` are of the last lines, whose ``raw`` differs by request."""
    content_type, body = _content(reason, retry_after, _PLACEHOLDER, error_format)
    before, after = body.split(orjson.dumps(_PLACEHOLDER))
    own = [content_type, (b"cache-control", b"no-store"), *headers]
    if retry_after:
        own.append((b"retry-after", b"%d" % retry_after))  # RFC 9110 10.2.3
    replaced = _replaced(removed, names, *[ours.names for ours in added])
    fields = [b"%b: %b\r\n" % pair for pair in own if pair[0] not in replaced]
    vary = b",".join([values for values in (*[ours.vary for ours in added], varies) if values])
    return _Template(
        status_line(reason.status),
        b"".join([*fields, *[ours.raw for ours in added]]),
        _vary(vary) if vary else b"",
        before,
        after,
    )


def render_refusal(
    refusal: Refusal, exchange: Exchange, route: CompiledRoute, date: Pair, end: bytes
) -> tuple[bytes, int]:
    """The whole response to a refused request, and the bytes of content in it.

    It is put together from pieces that are the same for every request refused so: a flood of bad requests costs little.
    """
    added = exchange.response_headers
    # The last lines are those of the first stage, which name the request; those of all other stages are in the template.
    last = added[-1] if added else _NO_LINES
    template = _template(
        refusal.reason,
        refusal.retry_after,
        refusal.headers,
        route.error_format,
        route.removed,
        last.names,
        last.vary,
        *added[:-1],
    )
    content = b"%b%b%b" % (template.before, orjson.dumps(exchange.id), template.after)
    length = len(content)
    if exchange.method == "HEAD":
        content = b""
    data = b"%b%b: %b\r\n%b%b%bcontent-length: %d\r\n%b%b" % (
        template.line,
        *date,
        template.fields,
        last.raw,
        template.vary,
        length,
        end,
        content,
    )
    return data, len(content)


def render_detailed(
    refusal: Refusal, details: Details, exchange: Exchange, route: CompiledRoute, date: Pair, end: bytes
) -> tuple[bytes, int]:
    """The whole response to a request that is refused with ``details``, and the bytes of content in it."""
    reason, issues = refusal.reason, details.issues
    sentence = details.sentence or reason.sentence
    members = refusal_members(reason.slug, exchange.id, refusal.retry_after)
    if route.error_format == "problem":
        members |= problem_members(issues) if issues else {}
        content_type, value = PROBLEM, problem(reason.title, reason.status, sentence, members)
    else:
        members |= trpc_members(issues) if issues else {}
        content_type, value = JSON, trpc_error(route.error_format, sentence, reason.status, members)
    content = orjson.dumps(value)
    pairs = [content_type, (b"cache-control", b"no-store"), *refusal.headers]
    if refusal.retry_after:
        pairs.append((b"retry-after", b"%d" % refusal.retry_after))
    data = render_reply(Reply(reason.status, tuple(pairs), content), exchange, route, date, end)
    return data, 0 if exchange.method == "HEAD" else len(content)


def render_reply(reply: Reply, exchange: Exchange, route: CompiledRoute, date: Pair, end: bytes) -> bytes:
    """The whole of a stage's own response, without its content for HEAD."""
    own = [date, *reply.headers]
    if reply.body and not any(name == b"content-type" for name, _ in own):
        own.append(JSON)
    framing = b"" if reply.status == 204 else b"content-length: %d\r\n" % len(reply.body)
    fields = ResponseFields.of(own)
    head = render_head(reply.status, fields, exchange.response_headers, route.removed, framing, end)
    return head if exchange.method == "HEAD" else head + reply.body


def render_response(
    response: UpstreamConnection, body: bytes, exchange: Exchange, route: CompiledRoute, http10: bool, end: bytes
) -> bytes:
    """The whole of an upstream's response, all of which has arrived: ``body`` is its content."""
    status = response.status
    length = response.length if exchange.method == "HEAD" else len(body)
    framing = b"" if length is None or status in (204, 304) else b"content-length: %d\r\n" % length
    if response.trailers and not http10:  # only chunks can carry them (RFC 9112 7.1.2)
        trailers = render_trailers(response)
        if trailers:
            framing = b"transfer-encoding: chunked\r\n"
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n%b\r\n" % trailers
    head = render_head(status, response.fields, exchange.response_headers, route.removed, framing, end)
    return head + body if body else head


def render_switching(response: UpstreamConnection, exchange: Exchange, route: CompiledRoute) -> bytes:
    """The head of an upstream's 101, with the protocol that it names (RFC 9110 15.2.2)."""
    framing = b"connection: upgrade\r\nupgrade: %b\r\n" % response.fields.framing.get(b"upgrade", route.upgrade)
    return render_head(101, response.fields, exchange.response_headers, route.removed, framing, KEPT)


def render_trailers(response: UpstreamConnection) -> bytes:
    """Trailer fields that mean nothing for framing, routing or policy (RFC 9110 6.5.1)."""
    if not response.trailers:
        return b""
    pairs, _ = response_pairs(response.trailers)
    head = {name for name, _ in response.fields.pairs}
    return b"".join(
        b"%b: %b\r\n" % pair
        for pair in pairs
        if pair[0] not in _NEVER_FORWARDED and pair[0] not in head and not pair[0].startswith(b"set-cookie")
    )


def render_informational(status: int, raw: list[Pair]) -> bytes:
    """An upstream's 1xx for the client (RFC 9110 15.2); empty for one that is not passed on.

    103 passes, with the only field that it is for (RFC 8297).
    """
    if status != 103:
        return b""
    links = b"".join(b"link: %b\r\n" % value for name, value in response_pairs(raw)[0] if name == b"link")
    return status_line(status) + links + b"\r\n" if links else b""


def render_own_fault(slug: str, request_id: str, date: Pair) -> bytes:
    """The plainest response, for an exception that nobody expected, or for want of memory; the stack is in the log, not
    here."""
    reason = REASONS[slug]
    _, content = refusal_content(Refusal(reason), request_id, "problem")
    framing = b"content-length: %d\r\n" % len(content)
    return render_head(reason.status, ResponseFields.of([date, PROBLEM]), [], frozenset(), framing, CLOSED) + content
