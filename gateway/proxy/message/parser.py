"""Reading requests from a client's connection: their heads and bodies, within bounds (RFC 9112)."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.core.fields import Pair
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.message.body import BodyCallbacks, RequestBody
from gateway.proxy.message.late_origin import LateOrigin, origin_in
from gateway.proxy.message.request import Events, ReceivedRequest, over_limit
from gateway.proxy.wire.http import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

MOST_FIELDS = 128
BETWEEN = 64 * 1024  # bytes between two pieces of a chunked body: extensions, trailers (RFC 9112 7.1)
FREE_CHUNKS = 512  # chunks of a body that may be of any size, and from then on
CHUNK = 32  # bytes that they have on average, unless
CHUNK_RATE = 256  # no more than so many come in a second: one byte in each would cost 0.2 us a byte
MOST_PIPELINED = 16  # requests that may wait behind the one in progress; more are left unread
AHEAD = 128 * 1024  # bytes of their content; 16 requests whose content is all here would be megabytes of each client
SLICE = 4096  # bytes that are parsed at once where requests may end in them, so that few are read ahead

_FRAMING = (b"content-length", b"transfer-encoding")


class _TooLarge(ValueError):
    """More fields, or more bytes in them, than are read."""


class _Discarding(Exception):
    """A request behind the last one of its connection."""


class RequestParser:
    """Turns the bytes of a connection into requests, in their order, and calls ``events`` for each.

    ``current`` is the request in progress, ``pipelined`` are those read behind it. ``head_since`` is the loop's time since
    when a head is arriving, 0.0 when none is; ``between``: nothing of the next request has arrived. ``discarding``: what
    arrives is dropped.
    """

    __slots__ = (
        "_ahead",
        "_arriving",
        "_chunks_since",
        "_events",
        "_fields",
        "_late",
        "_limit",
        "_loop",
        "_origin",
        "_parser",
        "_paused",
        "_pending",
        "_target",
        "_unparsed",
        "between",
        "current",
        "discarding",
        "head_since",
        "pipelined",
        "transport",
    )

    def __init__(self, events: Events, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        """``limit``: the most bytes of a head, and of trailers."""
        self.transport: asyncio.Transport | None = None
        self.current: ReceivedRequest | None = None
        self.pipelined: list[ReceivedRequest] = []
        self.head_since = 0.0
        self.discarding = False
        self._events = events
        self._loop = loop
        self._limit = limit
        self._parser: Any = HttpRequestParser(self)
        self._target = b""
        self._fields: list[Pair] = []
        self._late: LateOrigin | None = None  # while what is refused already is looked through
        self._origin: bytes | None = None  # found in what was not parsed
        self._arriving: ReceivedRequest | None = None  # the request whose body is arriving
        self.between = True
        self._unparsed = b""  # behind too many requests
        self._ahead = False  # too much content of theirs is here: nothing more is taken from the client
        self._chunks_since = 0.0  # the loop's time when the body had ``FREE_CHUNKS``
        self._pending = 0  # bytes since something was complete: a head, a piece of a body
        self._paused = 0  # reasons not to read from the client

    @property
    def origin(self) -> bytes | None:
        """The one Origin in what has arrived of a head that is refused, None without one."""
        found = [value for name, value in self._fields if name.lower() == b"origin"]
        return found[0] if len(found) == 1 else None if found else self._origin

    def feed(self, data: bytes) -> None:
        """Read ``data``, the next bytes of the connection."""
        if self.discarding:
            if self._late is not None:
                self._late.took(data)
            return
        if self._unparsed:
            self._unparsed += data
        elif len(data) > SLICE or len(self.pipelined) >= MOST_PIPELINED:
            self._parse_in_slices(data)
        else:
            self._parse(data)

    def next_request(self) -> ReceivedRequest:
        """Make the first of the pipelined requests the one in progress. Raises IndexError when there is none."""
        self.current = self.pipelined.pop(0)
        return self.current

    def catch_up(self) -> None:
        """Parse what was left unparsed, when there is room for it. To be called when a pipelined request was taken."""
        if self._ahead and self._content_ahead() <= AHEAD:
            self._ahead = False
            self.resume()
        if self._unparsed and len(self.pipelined) < MOST_PIPELINED:
            unparsed, self._unparsed = self._unparsed, b""
            self.resume()
            self._parse_in_slices(unparsed)

    def body_of(self, request: ReceivedRequest) -> RequestBody:
        """The body of ``request``, made if nothing of it has arrived yet."""
        if request.body is None:
            request.body = RequestBody(self)
            request.body.complete = request.whole
        return request.body

    def end(self) -> bool:
        """The client sends no more. Returns whether it has sent a whole request that has no response yet; what has arrived of
        another one behind it is dropped."""
        if self._late is not None:
            self._late.end()
        arriving, self._arriving = self._arriving, None
        if arriving is not None:
            if arriving is self.current:
                return False
            self.pipelined.remove(arriving)
        self.discarding = self.discarding or not self._unparsed
        return self.current is not None or bool(self.pipelined)

    def drop(self) -> None:
        """Drop what is here of requests that have not begun, and what will arrive, and read on."""
        self._forget()
        self.pipelined.clear()
        self._unparsed = b""
        if self._paused and self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()
        self._paused = 0

    @property
    def behind(self) -> bool:
        """Whether something has arrived behind the request in progress, or could not be read."""
        return not self.between or self.discarding or bool(self.pipelined or self._unparsed)

    def close(self) -> None:
        """The connection is gone. Lets go of objects that hold this one, which the garbage collector would have to find."""
        self.transport = None
        self.current = None
        self._forget()
        self.pipelined.clear()
        self._parser = None
        del self._events

    def _forget(self) -> None:
        self.discarding = True
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _parse(self, data: bytes) -> None:
        self._pending += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._upgraded(data[upgrade.args[0] :])
        except HttpParserError as error:
            if not self.discarding:
                inner = error.__context__ if isinstance(error, HttpParserCallbackError) else error
                slug = "headers_too_large" if isinstance(inner, _TooLarge) else "head_malformed"
                origin = origin_in(data) if self._is_first_head() else None
                self._fail(refuse(slug, type(error).__name__, close=True), origin)
        if self._pending and not self.discarding:
            self._bound(data)

    def _parse_in_slices(self, data: bytes) -> None:
        """Parse until there are too many requests; the rest waits."""
        start = 0
        while start < len(data) and not self.discarding:
            if len(self.pipelined) >= MOST_PIPELINED:
                self._unparsed = data[start:]
                self.pause()
                return
            body = self._arriving.body if self._arriving is not None else None
            # No request ends in the middle of a counted body, so large uploads are not parsed in slices.
            left = (body.length or 0) - body.arrived if body is not None else 0
            end = len(data) if left >= len(data) - start else start + SLICE
            self._parse(data[start:end])
            start = end
        if self._late is not None:
            self._late.took(data[start:])

    def _bound(self, data: bytes) -> None:
        """Bound the size of what is arriving and not complete, of which ``data`` is the last, and note since when a head is."""
        most = BETWEEN if self._arriving is not None else self._limit + 1024
        if self._pending > most or len(self._fields) > MOST_FIELDS:
            target = len(self._target)
            refusal = refuse(over_limit(target, self._pending - target), close=True)
            if self._is_first_head() and self.origin is None:
                self.discarding = True
                self._late = LateOrigin(self._loop, lambda origin: self._fail(refusal, origin))
                self._late.took(data)
            else:
                self._fail(refusal)
        elif self.head_since == 0.0 and self.current is None:
            self.head_since = self._loop.time()

    def _is_first_head(self) -> bool:
        """Whether what is arriving is a head, and no request is before it."""
        return self.current is None and not self.pipelined and self._arriving is None

    def _fail(self, refusal: Refusal, origin: bytes | None = None) -> None:
        self.discarding = True
        self._late, self._origin = None, origin
        arriving, self._arriving = self._arriving, None
        if arriving is not None:
            arriving.whole = True  # the connection need not linger for it
            self.body_of(arriving).end(refuse("body_malformed", refusal.detail, close=True))
        self._events.on_error(refusal)

    def _upgraded(self, rest: bytes) -> None:
        """Read on after a request for an upgrade, where llhttp stops.

        The request is answered as any other unless its route asks for a tunnel, so its body is read by another parser;
        what follows the request is in a protocol that is not spoken here (RFC 9110 7.8), and is dropped: a client may send it
        only after the 101 (RFC 6455 4.1).
        """
        arriving = self._arriving
        if arriving is None:
            self.discarding = True
            return
        framing = [b"%b: %b\r\n" % field for field in arriving.fields if field[0].lower() in _FRAMING]
        self._parser = HttpRequestParser(BodyCallbacks(self.on_body, self.on_message_complete))
        self._parse(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n" + rest)

    # HttpRequestParser

    def on_message_begin(self) -> None:
        self.between = False

    def on_url(self, target: bytes) -> None:
        self._target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        if self.discarding:  # since the request before, which ended in the same piece
            raise _Discarding
        parser = self._parser
        if len(self._fields) > MOST_FIELDS:
            raise _TooLarge
        fields, self._fields = self._fields, []
        target, self._target = self._target, b""
        self._pending = 0
        self.head_since = 0.0
        self._arriving = request = ReceivedRequest(
            parser.get_method().decode("latin-1"),
            target.decode("latin-1"),
            parser.get_http_version(),
            tuple(fields),
            parser.should_keep_alive(),
            parser.should_upgrade(),
        )
        if self.current is None:
            self.current = request
            self._events.on_request(request)
        else:
            self.pipelined.append(request)

    def on_body(self, data: bytes) -> None:
        self._pending = 0
        if self._arriving is not None:
            body = self.body_of(self._arriving)
            body.feed(data)
            if body.pieces >= FREE_CHUNKS and body.length is None:
                self._bound_chunks(body)

    def _bound_chunks(self, body: RequestBody) -> None:
        now = self._loop.time()
        if body.pieces == FREE_CHUNKS:
            self._chunks_since = now
        elif body.pieces > FREE_CHUNKS + body.arrived / CHUNK + CHUNK_RATE * (now - self._chunks_since):
            raise ValueError("chunks of next to nothing")

    def on_message_complete(self) -> None:
        self._pending = 0
        if self._fields:
            self._skip_trailers()
        self.between = True
        arriving = self._arriving
        if arriving is None or (arriving.upgrade and self._stops_before_body(arriving)):
            return
        self._arriving = None
        arriving.whole = True
        if arriving.body is not None:
            arriving.body.end()
        if arriving is self.current:
            self._events.on_end()
        elif arriving.body is not None and not self._ahead and self._content_ahead() > AHEAD:
            self._ahead = True
            self.pause()

    def _content_ahead(self) -> int:
        """Bytes of content that are here of the pipelined requests."""
        return sum(request.body.unread for request in self.pipelined if request.body is not None)

    def _skip_trailers(self) -> None:
        """Drop trailers, of which none has a meaning here (RFC 9110 6.5.1), within the bounds of a head."""
        trailers, self._fields = self._fields, []
        if len(trailers) > MOST_FIELDS or sum(len(name) + len(value) for name, value in trailers) > self._limit:
            raise _TooLarge

    def _stops_before_body(self, arriving: ReceivedRequest) -> bool:
        """Whether llhttp reports a request for an upgrade as complete although it has a body: see ``_upgraded``."""
        if arriving.reframed:
            self.discarding = True
            return False
        arriving.reframed = any(name.lower() in _FRAMING and value.strip() != b"0" for name, value in arriving.fields)
        return arriving.reframed

    # what a body asks of its connection

    def pause(self) -> None:
        """Read no more from the client for now."""
        self._paused += 1
        if self._paused == 1 and self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """Take one ``pause`` back."""
        self._paused -= 1
        if self._paused == 0 and self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Send ``data``, which is no part of a response."""
        if self.transport is not None:
            self._events.write(data)
