"""Reading requests off a client's connection: their heads and bodies, within bounds (RFC 9112)."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.core.fields import Pair
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.message.request import ReceivedRequest, RequestBody
from gateway.proxy.wire.http import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

MOST_FIELDS = 128
BETWEEN = 64 * 1024  # bytes between two pieces of a chunked body: extensions, trailers (RFC 9112 7.1)
AHEAD = 16  # requests that may wait behind the one in progress; more are left unread
SLICE = 4096  # bytes that are parsed at once where requests may end in them, so that few are read ahead

_FRAMING = (b"content-length", b"transfer-encoding")


class _TooMuch(ValueError):
    """Fields, or bytes in them."""


class _NotHeard(Exception):
    """A request behind the last one of its connection."""


class _BodyOnly:
    """The callbacks of a parser that reads nothing but a body."""

    def __init__(self, reader: RequestParser) -> None:
        self.on_body = reader.on_body
        self.on_message_complete = reader.on_message_complete


class RequestParser(asyncio.Protocol):
    """Tells whoever inherits from it of each request (``begin``), of the end of what the one in progress sends
    (``ended``) and of what cannot be read (``unreadable``).

    ``inbound`` is the request in progress, ``ahead`` are those read behind it. ``head_since`` is the loop's time since
    when a head is on its way, 0.0 when none is. ``deaf``: whatever comes is dropped.
    """

    __slots__ = (
        "_arriving", "_between", "_fields", "_held", "_most", "_parser", "_pending", "_target", "_unread", "ahead",
        "deaf", "head_since", "inbound", "loop", "transport",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int) -> None:
        """``most``: bytes of a head, and of trailers."""
        self.loop = loop
        self.transport: asyncio.Transport | None = None
        self.inbound: ReceivedRequest | None = None
        self.ahead: list[ReceivedRequest] = []
        self.head_since = 0.0
        self.deaf = False
        self._most = most
        self._parser: Any = HttpRequestParser(self)
        self._target = b""
        self._fields: list[Pair] = []
        self._arriving: ReceivedRequest | None = None  # whose body is on its way
        self._between = True  # nothing of the next request has come
        self._unread = b""  # behind too many requests
        self._pending = 0  # bytes since something was complete: a head, a piece of a body
        self._held = 0  # reasons not to read from the client

    def begin(self, inbound: ReceivedRequest) -> None:
        """A request was read while none is in progress; its body may be on its way."""
        raise NotImplementedError  # whoever inherits does

    def ended(self) -> None:
        """Nothing more of the request in progress will come."""
        raise NotImplementedError  # whoever inherits does

    def unreadable(self, refusal: Refusal) -> None:
        """What follows can not be read."""
        raise NotImplementedError  # whoever inherits does

    def data_received(self, data: bytes) -> None:
        if self.deaf:
            return
        if self._unread:
            self._unread += data
        elif len(data) > SLICE or len(self.ahead) >= AHEAD:
            self._read_ahead(data)
        else:
            self._parse(data)

    def silence(self) -> None:
        """Nothing will come any more."""
        self.deaf = True
        self.ahead.clear()
        self._parser = None  # which holds this object, and would have to be found by the garbage collector

    def catch_up(self) -> None:
        """Parse what was left unread, when there is room for it."""
        if self._unread and len(self.ahead) < AHEAD:
            unread, self._unread = self._unread, b""
            self.go_on()
            self._read_ahead(unread)

    def _parse(self, data: bytes) -> None:
        self._pending += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._upgraded(data[upgrade.args[0] :])
        except HttpParserError as error:
            if not self.deaf:
                inner = error.__context__ if isinstance(error, HttpParserCallbackError) else error
                slug = "headers_too_large" if isinstance(inner, _TooMuch) else "head_malformed"
                self._cannot_read(refuse(slug, type(error).__name__, close=True))
        if self._pending and not self.deaf:
            self._bound()

    def _read_ahead(self, data: bytes) -> None:
        """Parse until there are too many requests; the rest waits."""
        start = 0
        while start < len(data) and not self.deaf:
            if len(self.ahead) >= AHEAD:
                self._unread = data[start:]
                self.hold()
                return
            body = self._arriving.body if self._arriving is not None else None
            # No request ends in the middle of a counted body, so large uploads are not parsed in slices.
            left = (body.length or 0) - body.arrived if body is not None else 0
            end = len(data) if left >= len(data) - start else start + SLICE
            self._parse(data[start:end])
            start = end

    def _bound(self) -> None:
        """Something is on its way that is not whole: bound its size, and note since when."""
        if self._pending > (BETWEEN if self._arriving is not None else self._most + 1024):
            self._cannot_read(refuse("headers_too_large", close=True))
        elif self.head_since == 0.0 and self.inbound is None:
            self.head_since = self.loop.time()

    def _cannot_read(self, refusal: Refusal) -> None:
        self.deaf = True
        arriving, self._arriving = self._arriving, None
        if arriving is not None:
            arriving.whole = True  # nothing to linger for
            self._body(arriving).end(refuse("body_malformed", refusal.detail, close=True))
        self.unreadable(refusal)

    def _upgraded(self, rest: bytes) -> None:
        """The parser stops at a request for an upgrade, which is answered as any other. So its body is read by another
        one, and what follows is in a protocol that nobody speaks here (RFC 9110 7.8)."""
        arriving = self._arriving
        if arriving is None:
            self.deaf = True
            return
        framing = [b"%b: %b\r\n" % field for field in arriving.fields if field[0].lower() in _FRAMING]
        self._parser = HttpRequestParser(_BodyOnly(self))
        self._parse(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n" + rest)

    def _body(self, inbound: ReceivedRequest) -> RequestBody:
        if inbound.body is None:
            inbound.body = RequestBody(self)
        return inbound.body

    # HttpRequestParser

    def on_message_begin(self) -> None:
        self._between = False

    def on_url(self, target: bytes) -> None:
        self._target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        if self.deaf:  # since the request before, which ended in the same piece
            raise _NotHeard
        parser = self._parser
        fields, self._fields = self._fields, []
        if len(fields) > MOST_FIELDS:
            raise _TooMuch
        target, self._target = self._target, b""
        self._pending = 0
        self.head_since = 0.0
        self._arriving = inbound = ReceivedRequest(
            parser.get_method().decode("latin-1"),
            target.decode("latin-1"),
            parser.get_http_version(),
            tuple(fields),
            parser.should_keep_alive(),
            parser.should_upgrade(),
        )
        if self.inbound is None:
            self.inbound = inbound
            self.begin(inbound)
        else:
            self.ahead.append(inbound)

    def on_body(self, data: bytes) -> None:
        self._pending = 0
        if self._arriving is not None:
            self._body(self._arriving).feed(data)

    def on_message_complete(self) -> None:
        self._pending = 0
        if self._fields:
            self._skip_trailers()
        self._between = True
        arriving = self._arriving
        if arriving is None or (arriving.upgrade and self._stops_before_body(arriving)):
            return
        self._arriving = None
        arriving.whole = True
        if arriving.body is not None:
            arriving.body.end()
        if arriving is self.inbound:
            self.ended()

    def _skip_trailers(self) -> None:
        """None means anything to us (RFC 9110 6.5.1)."""
        trailers, self._fields = self._fields, []
        if len(trailers) > MOST_FIELDS or sum(len(name) + len(value) for name, value in trailers) > self._most:
            raise _TooMuch

    def _stops_before_body(self, arriving: ReceivedRequest) -> bool:
        """Whether the parser says that a request for an upgrade is whole although it has a body: see ``_upgraded``."""
        if arriving.reframed:
            self.deaf = True
            return False
        arriving.reframed = any(name.lower() in _FRAMING and value.strip() != b"0" for name, value in arriving.fields)
        return arriving.reframed

    # what a body asks of its connection

    def hold(self) -> None:
        """Read no more from the client for now."""
        self._held += 1
        if self._held == 1 and self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def go_on(self) -> None:
        """Take one ``hold`` back."""
        self._held -= 1
        if self._held == 0 and self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Send something that is not part of an answer."""
        raise NotImplementedError  # whoever inherits does
