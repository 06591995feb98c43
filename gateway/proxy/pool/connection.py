"""One connection to an upstream: an asyncio protocol around httptools, one call at a time.

Whatever the upstream says is suspect: bytes nobody asked for, a second answer, a bad frame or an unasked protocol
switch end the connection, and it never goes back to the pool (RFC 9112 9.2 on response splitting and reuse).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from gateway.core.fields import Malformed, Pair
from gateway.core.response_fields import NO_FIELDS, ResponseFields, read_incremental, response_pairs
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.wire.http import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

SMALL = 64 * 1024  # an answer up to this size is collected and sent on in one piece
HIGH_WATER = 256 * 1024  # a streamed answer is paused when this much waits for the client
HEAD_LIMIT = 64 * 1024


class Phase(IntEnum):
    IDLE = 0
    HEAD = 1
    INTERIM = 2
    BODY = 3
    DONE = 4


# A member looked up by its enum costs ten times as much as a name, and there are thirty look-ups in a call.
IDLE, HEAD, INTERIM, BODY, DONE = Phase


class UpstreamConnection(asyncio.Protocol):
    """``owner`` gets the connection back (``released``) or is told of its end (``lost``)."""

    __slots__ = (
        "_before", "_bodiless", "_buffered", "_chunked", "_drained", "_error", "_fields", "_head_size", "_interim", "_keep", "_loop", "_parser", "_parts",
        "_paused", "_sending", "_told", "_touched", "_wake", "deadline", "fields", "idle_since", "length", "owner",
        "phase", "status", "streaming", "trailers", "transport", "used",
    )  # fmt: skip

    def __init__(self, owner: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.owner = owner
        self._loop = loop
        self.transport: Any = None
        self.used = False
        self.idle_since = 0.0
        self._wake: asyncio.Future[None] | None = None
        self._told: Callable[[], None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._bodiless = False
        self._chunked = False
        self._before: ResponseFields | None = None  # of the answer before
        self._parser: Any = HttpResponseParser(self)
        self._interim: Callable[[int, list[Pair]], None] = _unheard
        self.deadline = 0.0
        self.status = 0
        self.length: int | None = None
        self.fields = NO_FIELDS
        self._parts: list[bytes] = []
        self._buffered = 0
        self._keep = False
        self._error: UpstreamError | None = None
        self._paused = False
        self._sending = False
        self._reset(IDLE)

    def _reset(self, phase: Phase) -> None:
        """Forget the call before. ``finish`` kept nothing that went wrong, and what the head says is only read after it."""
        self.phase = phase
        self.streaming = False
        self.trailers: list[Pair] = []
        self._fields: list[Pair] = []  # the head's, then the trailers'
        self._head_size = 0
        self._touched = False

    # one call

    def send(
        self,
        data: bytes,
        bodiless: bool,
        deadline: float,
        interim: Callable[[int, list[Pair]], None],
        more: bool,
        told: Callable[[], None] | None = None,
    ) -> None:
        """Begin a call: write its head (and body, unless ``more`` follows through ``write``).

        ``bodiless``: the answer has no body whatever its head says (HEAD). ``deadline``: loop time for its first byte.
        ``told`` is called once when ``head`` would have returned or raised, in place of waiting for it.
        """
        if self._bodiless or self.trailers:
            # A parser that was left inside a body (HEAD) or holds a trailer would read the next answer wrongly.
            self._parser = HttpResponseParser(self)
        self._reset(HEAD)
        self._told = told
        self.deadline = deadline
        self._bodiless = bodiless
        self._interim = interim
        self._sending = more
        if more:
            self.transport.write(data)
        else:
            self.owner.write_batch.write(self.transport, data, self.owner.endpoint.in_flight == 1)

    async def write(self, data: bytes) -> bool:
        """Send more of the request body, waiting while the upstream is slow. False: it has answered or gone."""
        if self.phase is not HEAD or self._error is not None:
            return False
        self.transport.write(data)
        if self._drained is not None:
            await self._drained
        return self.phase is HEAD and self._error is None

    def sent(self) -> None:
        """The request body is complete."""
        self._sending = False

    @property
    def error(self) -> UpstreamError | None:
        """Why the call failed, if it has."""
        return self._error

    async def head(self) -> None:
        """Wait for the answer: the whole of a small one, else its head. Raises UpstreamError."""
        while self.phase is not DONE and not self.streaming:
            if self._error is not None:
                raise self._error
            await self._sleep()

    async def read(self) -> bytes:
        """The next piece of a streamed body, ``b""`` at its end. Raises UpstreamError when it is not whole."""
        while not self._parts:
            if self._error is not None:
                raise self._error
            if self.phase is DONE:
                return b""
            await self._sleep()
        return self.take()

    @property
    def arrived(self) -> bytes:
        """All body bytes that have arrived, which ``take`` or ``read`` will still give."""
        return b"".join(self._parts)

    def take(self) -> bytes:
        """All body bytes that have arrived."""
        parts = self._parts
        if not parts:
            return b""
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self._parts = []
        self._buffered = 0
        if self._paused:
            self._paused = False
            self.deadline = 0.0  # the silence was ours; the owner's clock starts it anew
            self.transport.resume_reading()
        return data

    def finish(self) -> None:
        """End the call: back to the pool when both sides are whole, closed otherwise."""
        if self.phase is DONE and self._keep and not self._sending and self._error is None and self.transport:
            if self._parts:
                self.take()  # nobody wanted it
            self.phase = IDLE
            self.used = True
            self._interim = _unheard
            self.owner.released(self)
        else:
            self.close()

    def close(self) -> None:
        """Drop the connection. ``abort`` so that no unsent byte of a cancelled request still leaves."""
        if self.transport is not None:
            self.transport.abort()

    def expire(self, slug: str, detail: str) -> None:
        """The owner's clock ran out."""
        self._fail(UpstreamError(slug, detail, untouched=not self._touched))
        self.close()

    async def _sleep(self) -> None:
        self._wake = self._loop.create_future()
        try:
            await self._wake
        finally:
            self._wake = None

    def _notify(self) -> None:
        told = self._told
        if told is not None and (self.phase is DONE or self.streaming or self._error is not None):
            self._told = None
            told()
            return
        wake = self._wake
        if wake is not None and not wake.done():
            wake.set_result(None)

    def _fail(self, error: UpstreamError) -> None:
        if self._error is None:
            self._error = error
        self._notify()
        self.resume_writing()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.phase is IDLE or self.phase is DONE:
            self._keep = False
            self.close()
            return
        self._touched = True
        if self.phase is HEAD or self.phase is INTERIM:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._fail(UpstreamError("upstream_broken", _cause(error)))
            self.close()
            return
        if self.phase is DONE:
            self._notify()
        else:
            self._progress()

    def _progress(self) -> None:
        """There is more to come."""
        if self.phase is not BODY:
            if self._head_size > HEAD_LIMIT:
                self._fail(UpstreamError("upstream_broken", "the head of the answer is too large"))
                self.close()
            return
        if not self.streaming and (self.length is None or self.length > SMALL):
            self.streaming = True
        if self.streaming:
            self.deadline = 0.0
            if self._buffered > HIGH_WATER and not self._paused:
                self._paused = True
                self.transport.pause_reading()
            self._notify()

    @property
    def waiting(self) -> int:
        """Bytes of the body that have arrived and not been taken."""
        return self._buffered

    @property
    def stalled_by_client(self) -> bool:
        """Silence is not the upstream's fault while we ourselves have stopped reading."""
        return self._paused

    def connection_lost(self, exc: Exception | None) -> None:
        if self.phase is BODY and self.length is None and not self._chunked and exc is None and self._error is None:
            self.phase = DONE  # RFC 9112 6.3 item 8: the body ends with the connection
            self._keep = False
        elif self.phase not in (IDLE, DONE):
            what = "before" if self.phase is HEAD else "in the middle of"
            slug = "upstream_broken" if self._touched or not self.used else "upstream_unreachable"
            self._fail(UpstreamError(slug, f"closed {what} its answer", untouched=not self._touched))
        self.transport = None
        self._notify()
        self.resume_writing()
        self._interim = _unheard
        self._parser = None  # which holds this object, and would have to be found by the garbage collector
        self.owner.lost(self)

    def pause_writing(self) -> None:
        if self._drained is None:
            self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    # httptools

    def on_message_begin(self) -> None:
        if self.phase is not HEAD:
            raise ValueError("more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            if status < 100 or status == 101:
                raise ValueError(f"status {status}")
            self._interim(status, self._fields)
            self._fields = []
            self.phase = INTERIM
            return
        if status > 599:
            raise ValueError(f"status {status}")
        self.status = status
        self._before = fields = read_incremental(self._fields, self._before)
        self._fields = self.trailers
        self.fields = fields
        framing = fields.framing
        self._keep = self._parser.should_keep_alive()
        self._chunked = b"transfer-encoding" in framing
        if self._chunked and framing[b"transfer-encoding"].lower() != b"chunked":
            raise ValueError("unknown transfer coding")
        length = framing.get(b"content-length")
        self.length = int(length) if length is not None else None
        if self._bodiless or status in (204, 304):
            # The parser cannot be told about HEAD: what follows is only ever looked at to see that it is nothing.
            self.phase = DONE
            return
        self.phase = BODY

    def on_body(self, data: bytes) -> None:
        if self.phase is not BODY:
            raise ValueError("a body where none may be")
        self._parts.append(data)
        self._buffered += len(data)

    def on_message_complete(self) -> None:
        if self.phase is INTERIM:
            self.phase = HEAD
        else:
            if self.trailers:
                response_pairs(self.trailers)  # Malformed breaks the answer, as it would in its head
            self.phase = DONE


def _unheard(status: int, pairs: list[Pair]) -> None:
    """Whose call is over hears no hints, nor is kept for them."""


def _cause(error: BaseException) -> str:
    """The first sentence of what went wrong; a callback's own exception is hidden behind httptools' wrapper."""
    inner = error.__context__ if isinstance(error, HttpParserCallbackError) else error
    if isinstance(inner, HttpParserUpgrade):
        return "switched protocols unasked"
    if isinstance(inner, (ValueError, Malformed)):
        return str(inner)[:200]
    return str(error)[:200]
