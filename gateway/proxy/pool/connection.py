"""One connection to an upstream: an asyncio protocol around httptools, one call at a time.

Everything an upstream sends is suspect. Bytes without a request, a second response, bad framing or a protocol switch
that was not asked for end the connection, and it never goes back to the pool (RFC 9112 9.2, response splitting).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from gateway.core.failure import CallFailure
from gateway.proxy.pool import response_limits as limits
from gateway.proxy.pool.errors import ContentRefused, UpstreamError
from gateway.proxy.pool.phase import BODY, DONE, HEAD, IDLE, INFORMATIONAL
from gateway.proxy.pool.response import OnInformational, ResponseReader, ignore_informational
from gateway.proxy.pool.response_limits import TrailerFields
from gateway.proxy.wire.http import HttpParserError, HttpParserUpgrade, HttpResponseParser, cause
from gateway.proxy.wire.tcp import unread
from gateway.proxy.wire.write_batch import WriteBatch


class CalledEndpoint(Protocol):
    """Where a connection leads to, as a call sees it."""

    authority: str
    in_flight: int

    def note_failure(self, error: UpstreamError, address: str) -> None:
        """A call to it has failed on a connection to ``address``."""


class ConnectionOwner(Protocol):
    """The pool, as one connection sees it. Requests are written through ``write_batch``."""

    @property
    def endpoint(self) -> CalledEndpoint: ...
    @property
    def address(self) -> str: ...
    @property
    def write_batch(self) -> WriteBatch: ...

    def release(self, connection: UpstreamConnection) -> None:
        """Take ``connection`` back, whose call has ended well."""

    def forget(self, connection: UpstreamConnection) -> None:
        """Drop ``connection``, which is closed or no longer the pool's."""


class UpstreamConnection(ResponseReader, asyncio.Protocol):
    """A connection of ``owner``, which has served a call before when it is ``used``.
    ``streaming``: the response is too large to be collected, or of unknown length, and is read in pieces. ``paused``: the
    client takes them more slowly than they come, so silence is not the upstream's fault. ``deadline`` is the loop's time by
    which the next byte has to come, 0.0 for "not set". ``error`` is why the call failed, if it has.

    ``sending``: more of the request's content follows, which ``content`` sends: a task, that ends with the call at the
    latest. ``awaiting_content``: the client has to send it first, and the upstream may have nothing to say until then.
    ``drained`` waits for an upstream that takes less than it is sent.
    """

    transport: asyncio.Transport

    __slots__ = (
        "_framing_size",
        "_loop",
        "_on_ready",
        "awaiting_content",
        "content",
        "deadline",
        "drained",
        "error",
        "idle_since",
        "owner",
        "paused",
        "sending",
        "streaming",
        "transport",
        "used",
    )

    def __init__(self, owner: ConnectionOwner, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.owner = owner
        self._loop = loop
        self.transport = None  # type: ignore[assignment]  # until it is made, and once it is closed
        self.used = self.streaming = self.paused = self.sending = self.awaiting_content = False
        self.content: asyncio.Task[None] | None = None
        self.idle_since = self.deadline = 0.0
        self.error: UpstreamError | ContentRefused | None = None
        self._framing_size = 0  # bytes since the last one of a streamed body
        self._on_ready: Callable[[], None] | None = None
        self.drained: asyncio.Future[None] | None = None

    def send(
        self,
        data: bytes,
        bodiless: bool,
        deadline: float,
        on_informational: OnInformational,
        on_ready: Callable[[], None] | None = None,
        more: bool = False,
    ) -> None:
        """Begin a call: write its head (and content, unless ``more`` follows through ``write``).

        ``bodiless``: the response has no content whatever its head says (HEAD). ``deadline``: loop time for its first
        byte. ``on_ready`` is called once when ``head`` would return or raise; without it the caller awaits ``head``.
        """
        if self._bodiless or self.trailers:
            # A parser that was left inside a body (HEAD) or holds a trailer would read the next response wrongly.
            self._parser = HttpResponseParser(self)
        self.phase = HEAD
        self.streaming = False
        self.trailers = TrailerFields()
        self._fields = []
        self._head_size = self._informational_size = 0
        self._on_ready = on_ready
        self.deadline = deadline
        self._bodiless = bodiless
        self._on_informational = on_informational
        self.sending = more
        if more:
            self.transport.write(data)
        else:
            self.owner.write_batch.write(self.transport, data, self.owner.endpoint.in_flight == 1)

    def expect_switch(self) -> None:
        """Take 101 for a response to the request just sent (RFC 9110 15.2.2). The connection is not used again."""
        self._switching = self.sending = True

    async def write(self, data: bytes) -> bool:
        """Send more of the request's content, waiting while the upstream is slow. False: nobody wants more, since the
        response is complete (RFC 9112 9.3) or the call has failed."""
        if self.phase is DONE or self.error is not None:
            return False
        self.transport.write(data)
        if self.drained is not None:
            await self.drained
        return self.phase is not DONE and self.error is None

    async def head(self) -> None:
        """Wait for the response: the whole of a small one, else its head. Raises UpstreamError, or ContentRefused."""
        while self.phase is not DONE and not self.streaming:
            if self.error is not None:
                raise self.error
            await self._changed()

    async def read(self) -> bytes:
        """The next piece of a streamed body, ``b""`` at its end. Raises UpstreamError when it is not whole, or ContentRefused."""
        while not self._parts:
            if self.error is not None:
                raise self.error
            if self.phase is DONE:
                return b""
            await self._changed()
        return self.take()

    def take(self) -> bytes:
        """All bytes of the body that have arrived."""
        parts = self._parts
        if not parts:
            return b""
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self._parts = []
        self.buffered = 0
        if self.paused:
            self.paused = False
            self.deadline = 0.0  # the silence was ours; the pool's clock starts it anew
            self.transport.resume_reading()
        return data

    def finish(self) -> None:
        """End the call: back to the pool when request and response are whole, closed otherwise."""
        if self.phase is DONE and self._keep and not self.sending and self.error is None and self.transport:
            if self._parts:
                self.take()  # nobody wanted it
            self.phase = IDLE
            self.used = True
            self._on_informational = ignore_informational
            self.owner.release(self)
        else:
            self.close()

    def close(self) -> None:
        """Drop the connection. ``abort`` so that no unsent byte of a cancelled request still leaves."""
        self._end_content()
        if self.transport is not None:
            self.transport.abort()

    def fail(self, kind: CallFailure, detail: str) -> None:
        """End the call as failed, and the connection with it."""
        self.break_off(UpstreamError(kind, detail))

    def break_off(self, error: UpstreamError | ContentRefused) -> None:
        """End the call with ``error``, and the connection with it."""
        if self.error is None:
            self.error = error
        self.resume_writing()  # first: what sends the content says whose fault it is before the call ends
        self._ready()
        self.close()

    def _end_content(self) -> None:
        content, self.content = self.content, None
        if content is not None:
            content.cancel()

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.transport is None or self.transport.is_closing()

    def detach(self, protocol: asyncio.Protocol) -> tuple[asyncio.Transport, bytes]:
        """Hand the transport to ``protocol`` for good, without ``connection_made``. Gives it, and the bytes that have
        arrived and were not taken. Raises ConnectionResetError when it is closed."""
        if self.closed:
            raise ConnectionResetError("the upstream has closed the connection")
        transport, early = self.transport, self.take()  # pool and parser see no more of it
        transport.set_protocol(protocol)
        transport.resume_reading()
        self._let_go()
        return transport, early

    async def _changed(self) -> None:
        """Wait until something has happened that ``head`` or ``read`` waits for."""
        waiter = self._loop.create_future()
        self._on_ready = partial(_wake, waiter)
        try:
            await waiter
        finally:
            self._on_ready = None

    def _ready(self) -> None:
        """The response is there, more of it is, or the call has failed."""
        on_ready = self._on_ready
        if on_ready is not None:
            self._on_ready = None
            on_ready()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # the transport of a stream is a Transport

    def data_received(self, data: bytes) -> None:
        phase = self.phase
        if phase is HEAD or phase is INFORMATIONAL:
            self._head_size += len(data)
        elif phase is BODY:
            before = self.buffered
        else:
            self._keep = False
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if isinstance(error, HttpParserUpgrade) and self._switching and self.phase is DONE:
                self._parts.append(data[error.args[0] :])  # the new protocol's
                self.transport.pause_reading()  # until it has the connection
                self._ready()
                return
            self.fail(CallFailure.BROKEN, cause(error))
            return
        if self.phase is DONE:
            self._ready()
        elif self.phase is BODY:
            self._continue_body(len(data) if phase is BODY and self.buffered == before else 0)
        elif self._head_size > limits.HEAD_BYTES:
            self.fail(CallFailure.BROKEN, limits.TOO_LARGE)

    def _continue_body(self, framing: int) -> None:
        """A part of the response is here, and more is to come. ``framing``: its bytes where none was content."""
        if not self.streaming and self.length is not None and self.length <= limits.SMALL:
            return
        self.streaming = True
        self._framing_size = self._framing_size + framing if framing else 0
        if self._framing_size > limits.FRAMING_BYTES:
            self.fail(CallFailure.BROKEN, "too much between two pieces of the content")
            return
        self.deadline = 0.0
        if crowded := len(self._parts) > limits.PARTS:
            self._parts = [b"".join(self._parts)]
        if (crowded or self.buffered > limits.HIGH_WATER) and not self.paused:
            self.paused = True
            self.transport.pause_reading()
        self._ready()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and self.sending and self.error is None and self.transport is not None:
            self._read_last_words()
        self._let_go()
        if self.phase is BODY and self.length is None and not self._chunked and exc is None and self.error is None:
            self.phase = DONE  # RFC 9112 6.3 item 8: the body ends with the connection
            self._keep = False
        elif self._head_size and self.phase not in (IDLE, DONE):
            self.fail(CallFailure.BROKEN, "closed in the middle of its response")
        elif self.phase is HEAD:
            self.fail(CallFailure.RESET_REUSED if self.used else CallFailure.RESET, "closed before its response")
        self._ready()
        self.resume_writing()

    def _read_last_words(self) -> None:
        """Read what has come before a write failed: an upstream that refuses an upload responds and closes, and the reset
        for what it is still sent may overtake the event loop's next look at what it has said (RFC 9112 9.6)."""
        rest = unread(self.transport)
        if rest:
            self.data_received(rest)

    def _let_go(self) -> None:
        self._end_content()
        self.transport = None  # type: ignore[assignment]  # see ``__init__``
        self.paused = False
        self._on_informational = ignore_informational
        self._parser = None  # which holds this object, and would have to be found by the garbage collector
        self.owner.forget(self)

    def pause_writing(self) -> None:
        if self.drained is None:
            self.drained = self._loop.create_future()

    def resume_writing(self) -> None:
        drained, self.drained = self.drained, None
        if drained is not None:
            _wake(drained)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
