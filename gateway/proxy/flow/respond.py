"""From a verdict or an upstream's response to the response of the gateway."""

from __future__ import annotations

from time import monotonic

from gateway.core.date import DATE
from gateway.core.exchange import Exchange
from gateway.core.failure import CallFailure
from gateway.core.fields import Malformed
from gateway.core.verdict import Refusal, Reply
from gateway.proxy.flow.render import CLOSED, render_head, render_refusal, render_reply, render_trailers
from gateway.proxy.flow.writer import ResponseWriter
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.errors import ContentRefused, UpstreamError
from gateway.proxy.routing.route import CompiledRoute
from gateway.proxy.upstream.upload import SLOW

EVENT_STREAM = b"text/event-stream"
MOST_COLLECTED = 64 * 1024  # bytes of a response that are collected for a stage


def run_response_hooks(exchange: Exchange, route: CompiledRoute, depth: int, writer: ResponseWriter) -> None:
    """Have the stages entered by ``depth`` add their fields to the response."""
    for hook in route.response_hooks[depth]:
        hook(exchange)
    if exchange.stream is not None and not exchange.stream.complete:
        writer.keep_alive = False  # the rest of the request's body would have to be read first


def respond_with(
    verdict: Refusal | Reply, exchange: Exchange, route: CompiledRoute, depth: int, writer: ResponseWriter
) -> bytes:
    """The response that ``verdict`` is; notes it in ``exchange``, and in ``writer`` whether the connection stays open."""
    date = DATE.field()
    if isinstance(verdict, Refusal):
        reply = verdict.reply
        exchange.status = verdict.reason.status if reply is None else reply.status
        run_response_hooks(exchange, route, depth, writer)
        exchange.reason = verdict.reason.slug
        exchange.detail = verdict.detail
        if verdict.limits:
            exchange.refused_by += verdict.limits
        if verdict.close:
            writer.keep_alive = False
        kept = writer.kept if writer.keep_alive else CLOSED
        if reply is not None:
            return render_reply(reply, exchange, route, date, kept)
        data, exchange.bytes_out = render_refusal(verdict, exchange, route, date, kept)
        return data
    exchange.status = verdict.status
    run_response_hooks(exchange, route, depth, writer)
    exchange.bytes_out = 0 if exchange.method == "HEAD" else len(verdict.body)
    return render_reply(verdict, exchange, route, date, writer.kept if writer.keep_alive else CLOSED)


async def collect(response: UpstreamConnection) -> tuple[bytes, bool]:
    """What has arrived of a response's content by the time it is complete or too large to be collected, and whether it
    is complete. The bytes are taken off the response: they are still to be passed on."""
    taken = bytearray()
    try:
        while len(taken) <= MOST_COLLECTED:
            piece = await response.read()
            taken += piece
            if not piece:
                return bytes(taken), True
    except (UpstreamError, ContentRefused):
        pass  # passing it on meets the same error, and cuts the client off there
    return bytes(taken), False


def began_well(exchange: Exchange, response: UpstreamConnection) -> bool:
    """Whether silence within ``response``, which is being streamed, says nothing about the upstream: it has shown that it is
    there, and a stream is quiet for as long as there is nothing to say. An event stream has begun with its head (HTML
    Standard 9.2), any other response with the first byte of its content, since a head alone may come from a server in which
    nothing moves any more.
    """
    if exchange.bytes_out:
        return True
    kinds = [value for name, value in response.fields.pairs if name == b"content-type"]
    return bool(kinds) and kinds[0].partition(b";")[0].strip().lower() == EVENT_STREAM


async def stream_response(
    response: UpstreamConnection, first: bytes, exchange: Exchange, route: CompiledRoute, writer: ResponseWriter
) -> None:
    """Pass a large or endless response on as it arrives, waiting for the slower side. ``first`` was taken off it before.

    A response that breaks off is cut off for the client too, and noted in ``exchange``: as a failure of the upstream unless
    that had to wait for the client, and may have given up, or merely has nothing to say for a while (``began_well``).
    """
    chunked = response.length is None and not writer.http10
    if response.length is not None:
        framing = b"content-length: %d\r\n" % response.length
    else:
        framing = b"transfer-encoding: chunked\r\n" if chunked else b""
        writer.keep_alive = writer.keep_alive and chunked
    end = writer.kept if writer.keep_alive else CLOSED
    head = render_head(exchange.status, response.fields, exchange.response_headers, route.removed, framing, end)
    wire = writer.wire
    waited = 0.0
    met: UpstreamError | ContentRefused | None = None  # what ended the response while the client was waited for
    try:
        wire.write(head)
        while piece := first or await response.read():
            first = b""
            exchange.bytes_out += len(piece)
            wire.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            began, before = monotonic(), response.error
            await wire.drain()
            waited += monotonic() - began
            if before is None:
                met = response.error
        if chunked:
            wire.write(b"0\r\n%b\r\n" % render_trailers(response))
    except ContentRefused as error:  # the request cannot end, so neither can its response
        exchange.reason, exchange.detail = error.refusal.reason.slug, error.refusal.detail
        writer.cut()
    except (UpstreamError, Malformed) as error:
        failure = error.kind if isinstance(error, UpstreamError) else CallFailure.BROKEN
        quiet = failure is CallFailure.STALLED and began_well(exchange, response)
        slow = waited > SLOW or (isinstance(met, UpstreamError) and met.kind is CallFailure.TOTAL_TIMEOUT)
        exchange.failure = None if slow or quiet else failure
        exchange.reason = "stream_quiet" if quiet else failure.slug
        exchange.detail = str(error)
        writer.cut()
    finally:
        response.finish()
