"""Passing a large or endless response on as it arrives, and ending one before its own end."""

from __future__ import annotations

import asyncio
from time import monotonic

from gateway.core.exchange import Exchange
from gateway.core.failure import CallFailure
from gateway.core.fields import Malformed
from gateway.core.verdict import Refusal
from gateway.proxy.flow.event_boundaries import EventBoundaries
from gateway.proxy.flow.lasting import LastingResponses
from gateway.proxy.flow.render import CLOSED, render_head, render_trailers
from gateway.proxy.flow.writer import ResponseWriter
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.errors import ContentRefused, UpstreamError
from gateway.proxy.routing.route import CompiledRoute
from gateway.proxy.upstream.upload import SLOW

EVENT_STREAM = b"text/event-stream"
EVENT_END = 1.0  # seconds that an event, and its client, have in a stream that is to be ended; then it is cut


def is_event_stream(response: UpstreamConnection) -> bool:
    """Whether the content is an event stream (HTML Standard 9.2)."""
    kinds = [value for name, value in response.fields.pairs if name == b"content-type"]
    return bool(kinds) and kinds[0].partition(b";")[0].strip().lower() == EVENT_STREAM


def began_well(exchange: Exchange, response: UpstreamConnection) -> bool:
    """Whether silence within ``response``, which is being streamed, says nothing about the upstream: it has shown that it is
    there, and a stream is quiet for as long as there is nothing to say. An event stream has begun with its head (HTML
    Standard 9.2), any other response with the first byte of its content, since a head alone may come from a server in which
    nothing moves any more. One that has stopped taking the rest of its request is not merely silent.
    """
    return not response.sending and (exchange.bytes_out > 0 or is_event_stream(response))


def _is_coded(response: UpstreamConnection) -> bool:
    """Whether the content has a coding, such as gzip: there is no telling in it where an event ends."""
    return any(name == b"content-encoding" and value.lower() != b"identity" for name, value in response.fields.pairs)


class _Ending:
    """How ``response`` ends before its own end: between two events where ``events`` follows them, else at once. ``writer`` cuts
    off a client that does not take what it is sent: it would have what waits for it when its token is long dead.

    ``refusal`` is why, None while it goes on.
    """

    __slots__ = ("_loop", "_response", "_timer", "_writer", "events", "refusal")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        response: UpstreamConnection,
        writer: ResponseWriter,
        events: EventBoundaries | None,
    ) -> None:
        self._loop = loop
        self._response = response
        self._writer = writer
        self._timer: asyncio.TimerHandle | None = None
        self.events = events
        self.refusal: Refusal | None = None

    @property
    def clean(self) -> bool:
        """Whether the client has whole events only, so that the response may end as one that is complete."""
        return self.refusal is not None and self.events is not None and self.events.between

    def end(self, refusal: Refusal) -> None:
        """End the response with ``refusal`` as the reason."""
        if self.refusal is None:
            self.refusal = refusal
            if self.events is None:
                self._cut(refusal)
                return
            self._timer = self._loop.call_later(EVENT_END, self._cut, refusal)
            if self.events.between:
                self._break_off(refusal)

    def passed(self, piece: bytes) -> bytes:
        """What of ``piece`` goes on to the client. Raises ContentRefused when nothing more does."""
        if self.refusal is not None:
            if self.events is None or self.events.between:
                raise ContentRefused(self.refusal)
            piece = self.events.remainder(piece)
        if self.events is not None:
            self.events.feed(piece)
            if self.clean and self.refusal is not None:
                self._break_off(self.refusal)
        return piece

    def _break_off(self, refusal: Refusal) -> None:
        self._response.break_off(ContentRefused(refusal))

    def _cut(self, refusal: Refusal) -> None:
        self.events = None
        self._break_off(refusal)
        self._writer.cut()

    def close(self) -> None:
        """The response is over."""
        if self._timer is not None:
            self._timer.cancel()


async def stream_response(
    response: UpstreamConnection,
    first: bytes,
    exchange: Exchange,
    route: CompiledRoute,
    writer: ResponseWriter,
    lasting: LastingResponses,
) -> None:
    """Pass a large or endless response on as it arrives, waiting for the slower side. ``first`` was taken off it before.

    A response that breaks off is cut off for the client too, and noted in ``exchange``: as a failure of the upstream unless
    that had to wait for the client, and may have given up, or merely has nothing to say for a while (``began_well``). One that
    ``lasting`` ends is cut off too, so that it does not look whole, except between two events of an event stream.
    """
    endless = is_event_stream(response)
    events = EventBoundaries() if endless and not _is_coded(response) else None
    ending = _Ending(asyncio.get_running_loop(), response, writer, events)
    try:
        with lasting.watched(exchange, route, ending.end, endless, drains=endless):
            await _pass_on(response, first, exchange, route, writer, ending)
    finally:
        ending.close()
        response.finish()


async def _pass_on(
    response: UpstreamConnection,
    first: bytes,
    exchange: Exchange,
    route: CompiledRoute,
    writer: ResponseWriter,
    ending: _Ending,
) -> None:
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
            first, piece = b"", ending.passed(piece)
            exchange.bytes_out += len(piece)
            wire.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            began, before = monotonic(), response.error
            await wire.drain()
            waited += monotonic() - began
            if before is None:
                met = response.error
        if chunked:
            wire.write(b"0\r\n%b\r\n" % render_trailers(response))
    except ContentRefused as error:  # the request cannot end, so neither can its response; or it is ended
        exchange.reason, exchange.detail = error.refusal.reason.slug, error.refusal.detail
        if not ending.clean or response.length is not None:
            writer.cut()
        elif chunked:
            wire.write(b"0\r\n\r\n")
    except (UpstreamError, Malformed) as error:
        failure = error.kind if isinstance(error, UpstreamError) else CallFailure.BROKEN
        quiet = failure is CallFailure.STALLED and began_well(exchange, response)
        slow = waited > SLOW or (isinstance(met, UpstreamError) and met.kind is CallFailure.TOTAL_TIMEOUT)
        exchange.failure = None if slow or quiet else failure
        exchange.reason = "stream_quiet" if quiet else failure.slug
        exchange.detail = str(error)
        writer.cut()
