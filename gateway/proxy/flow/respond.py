"""Answering a client: with the gateway's own words, or with what an upstream said."""

from __future__ import annotations

from time import time

from gateway.core.exchange import Exchange
from gateway.core.failure import CallFailure
from gateway.core.fields import Malformed
from gateway.core.reason import REASONS
from gateway.core.response_fields import ResponseFields, response_pairs
from gateway.core.verdict import Refusal, Reply
from gateway.proxy.flow.render import DATE, JSON, PROBLEM, answer_head, refusal_answer, refusal_body
from gateway.proxy.flow.writer import ResponseWriter
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.phase import DONE
from gateway.proxy.routing.route import CompiledRoute

_READ = 64 * 1024  # bytes of an answer that are collected for a reader

_EMPTY: frozenset[bytes] = frozenset()
_NEVER_FORWARDED = frozenset({b"content-length", b"transfer-encoding", b"trailer"})


def reply(
    exchange: Exchange, plan: CompiledRoute, client: ResponseWriter, verdict: Refusal | Reply, depth: int
) -> bool:
    """Answer with the gateway's own words."""
    exchange.status = status = verdict.reason.status if isinstance(verdict, Refusal) else verdict.status
    for respond in plan.response_hooks[depth]:
        respond(exchange)
    if exchange.stream is not None and not exchange.stream.complete:
        client.keep_alive = False  # what is left of the body would have to be read first
    if isinstance(verdict, Refusal):
        exchange.reason = verdict.reason.slug
        exchange.detail = verdict.detail
        if verdict.close:
            client.keep_alive = False
        return client.answer(refusal_answer(verdict, exchange, plan, DATE.field(time()), client.keep_alive))
    body = verdict.body
    own = [DATE.field(time()), *verdict.headers]
    if body and not any(name == b"content-type" for name, _ in own):
        own.append(JSON)
    framing = b"" if status == 204 else b"content-length: %d\r\n" % len(body)
    head = answer_head(
        status, ResponseFields.of(own), exchange.response_headers, plan.removed, framing, client.keep_alive
    )
    if exchange.method == "HEAD":
        body = b""
    exchange.bytes_out = len(body)
    return client.answer(head + body)


async def pass_on(exchange: Exchange, plan: CompiledRoute, client: ResponseWriter, answer: UpstreamConnection) -> bool:
    """Answer with what an upstream said, and end its call."""
    exchange.status = answer.status
    collected: bytes | None = None
    if plan.response_readers:
        try:
            collected = await _read(exchange, plan, answer)
        except BaseException:
            exchange.status = 0  # not answered
            answer.close()
            raise
    try:
        respond(exchange, plan, client)
    except BaseException:
        answer.close()  # nobody is going to read it
        raise
    if answer.phase is DONE and not answer.streaming:
        return pass_on_whole(exchange, plan, client, answer, answer.take() if collected is None else collected)
    return await _stream(exchange, plan, client, answer, collected or b"")


def respond(exchange: Exchange, plan: CompiledRoute, client: ResponseWriter) -> None:
    """Ask the stages what they add to an upstream's answer."""
    for hook in plan.response_hooks[plan.depth]:
        hook(exchange)
    if exchange.stream is not None and not exchange.stream.complete:
        client.keep_alive = False


def pass_on_whole(
    exchange: Exchange, plan: CompiledRoute, client: ResponseWriter, answer: UpstreamConnection, body: bytes
) -> bool:
    """Pass on an answer all of which is here, after ``respond``, and end its call."""
    status = answer.status
    length = answer.length if exchange.method == "HEAD" else len(body)
    framing = b"" if length is None or status in (204, 304) else b"content-length: %d\r\n" % length
    exchange.bytes_out = len(body)
    if answer.trailers and not client.http10:  # only chunks can carry them (RFC 9112 7.1.2)
        trailers = _trailers(answer)
        if trailers:
            framing = b"transfer-encoding: chunked\r\n"
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n%b\r\n" % trailers
    head = answer_head(status, answer.fields, exchange.response_headers, plan.removed, framing, client.keep_alive)
    answer.finish()
    return client.answer(head + body if body else head)


async def _read(exchange: Exchange, plan: CompiledRoute, answer: UpstreamConnection) -> bytes:
    """Collect the answer's body for the readers of ``plan``; the bytes taken off it, which are still to be passed on.

    ``exchange.answer`` stays None when it is too large or not whole: the readers judge without it.
    """
    taken = bytearray()
    try:
        while len(taken) <= _READ:
            piece = await answer.read()
            taken += piece
            if not piece:
                exchange.answer = bytes(taken)
                break
    except UpstreamError:
        pass  # passing it on meets the same error, and cuts the client off there
    for read in plan.response_readers:
        waiting = read(exchange)
        if waiting is not None:
            await waiting
    return bytes(taken)


async def _stream(
    exchange: Exchange, plan: CompiledRoute, client: ResponseWriter, answer: UpstreamConnection, first: bytes
) -> bool:
    """Pass a large or endless answer on as it comes, waiting for whichever side is slower."""
    chunked = answer.length is None and not client.http10
    if answer.length is not None:
        framing = b"content-length: %d\r\n" % answer.length
    else:
        framing = b"transfer-encoding: chunked\r\n" if chunked else b""
        client.keep_alive = client.keep_alive and chunked
    head = answer_head(
        exchange.status, answer.fields, exchange.response_headers, plan.removed, framing, client.keep_alive
    )
    try:
        client.write(head)
        while piece := first or await answer.read():
            first = b""
            exchange.bytes_out += len(piece)
            client.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            await client.drain()
        if chunked:
            client.write(b"0\r\n%b\r\n" % _trailers(answer))
    except (UpstreamError, Malformed) as error:
        exchange.failure = failure = error.kind if isinstance(error, UpstreamError) else CallFailure.BROKEN
        exchange.reason = failure.slug
        exchange.detail = str(error)
        client.cut()
        return False
    finally:
        answer.finish()
    return client.keep_alive


def _trailers(answer: UpstreamConnection) -> bytes:
    """Trailer fields that mean nothing for framing, routing or policy (RFC 9110 6.5.1)."""
    if not answer.trailers:
        return b""
    pairs, _ = response_pairs(answer.trailers)
    head = {name for name, _ in answer.fields.pairs}
    return b"".join(
        b"%b: %b\r\n" % pair
        for pair in pairs
        if pair[0] not in _NEVER_FORWARDED and pair[0] not in head and not pair[0].startswith(b"set-cookie")
    )


def bug(exchange: Exchange, client: ResponseWriter) -> bool:
    """The plainest answer for an exception nobody expected; the stack is in the log, not here."""
    refusal = Refusal(REASONS["internal_error"], close=True)
    _, body = refusal_body(refusal, exchange, "problem")
    exchange.reason, exchange.status = "internal_error", 500
    client.write(
        answer_head(
            500,
            ResponseFields.of([PROBLEM]),
            [],
            _EMPTY,
            b"content-length: %d\r\n" % len(body),
            False,
        )
        + body
    )
    return False
