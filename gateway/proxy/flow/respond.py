"""From a verdict or an upstream's response to the response of the gateway."""

from __future__ import annotations

from gateway.core.date import DATE
from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, Reply
from gateway.proxy.flow.render import CLOSED, render_detailed, render_refusal, render_reply
from gateway.proxy.flow.stream import is_event_stream
from gateway.proxy.flow.writer import ResponseWriter
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.errors import ContentRefused, UpstreamError
from gateway.proxy.routing.route import CompiledRoute

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
        details = verdict.details
        if details is None:
            data, exchange.bytes_out = render_refusal(verdict, exchange, route, date, kept)
        else:
            data, exchange.bytes_out = render_detailed(verdict, details, exchange, route, date, kept)
        return data
    exchange.status = verdict.status
    run_response_hooks(exchange, route, depth, writer)
    exchange.bytes_out = 0 if exchange.method == "HEAD" else len(verdict.body)
    return render_reply(verdict, exchange, route, date, writer.kept if writer.keep_alive else CLOSED)


async def collect(response: UpstreamConnection) -> tuple[bytes, bool]:
    """What has arrived of a response's content by the time it is complete or too large to be collected, and whether it
    is complete. The bytes are taken off the response: they are still to be passed on. Nothing of an event stream is taken: its
    client would wait for 64 KiB of events to see the first."""
    if is_event_stream(response):
        return b"", False
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
