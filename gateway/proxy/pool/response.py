"""What an upstream says, read as the response to one call at a time (RFC 9112 6.3)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

from gateway.core.fields import Pair
from gateway.core.response_fields import NO_FIELDS, read_fields, read_incremental, response_pairs
from gateway.proxy.pool import response_limits as limits
from gateway.proxy.pool.phase import BODY, DONE, HEAD, IDLE, INFORMATIONAL
from gateway.proxy.pool.response_limits import TrailerFields
from gateway.proxy.wire.http import HttpResponseParser

OnInformational = Callable[[int, list[Pair]], None]  # gets status and fields of a 1xx response (RFC 9110 15.2)


def ignore_informational(status: int, pairs: list[Pair]) -> None:
    """Takes informational responses that nobody waits for, and keeps no call alive for them."""


class ResponseReader:
    """The callbacks of a response parser. Each raises ValueError for what may not come, which breaks the response.

    ``phase`` is how far the response has come. ``length`` is its declared Content-Length in bytes, None without one.
    ``buffered`` bytes of its content have arrived and were not taken.
    """

    __slots__ = (
        "_bodiless",
        "_chunked",
        "_fields",
        "_head_size",
        "_informational_size",
        "_keep",
        "_on_informational",
        "_parser",
        "_parts",
        "_switching",
        "buffered",
        "fields",
        "length",
        "phase",
        "status",
        "trailers",
    )

    def __init__(self) -> None:
        self.phase = IDLE
        self.status = self.buffered = 0
        self.length: int | None = None
        self.fields = NO_FIELDS
        self.trailers = TrailerFields()
        self._bodiless = self._chunked = self._keep = self._switching = False
        self._fields: list[Pair] = []  # the head's, then the trailers'
        self._head_size = 0  # bytes of the head so far, and what came with its last ones
        self._informational_size = 0  # of the 1xx responses before it
        self._parts: list[bytes] = []
        self._parser: Any = HttpResponseParser(self)
        self._on_informational: OnInformational = ignore_informational

    def on_message_begin(self) -> None:
        if self.phase is not HEAD:
            raise ValueError("more than one response")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            if not (status == 101 and self._switching and self._parser.should_upgrade()):
                self._take_informational(status)
                return
            fields = read_fields(self._fields, None, self.fields.via)
        else:
            if status > 599:
                raise ValueError(f"status {status}")
            fields = read_incremental(self._fields, self.fields)
        self.status = status
        self.fields = fields
        self._fields = self.trailers
        framing = fields.framing
        self._keep = self._parser.should_keep_alive()
        self._chunked = b"transfer-encoding" in framing
        if self._chunked and framing[b"transfer-encoding"].lower() != b"chunked":
            raise ValueError("unknown transfer coding")
        length = framing.get(b"content-length")
        self.length = int(length) if length is not None else None
        # The parser knows nothing of HEAD: what follows is only ever looked at to see that it is nothing.
        self.phase = DONE if self._bodiless or status in (101, 204, 304) else BODY

    def _take_informational(self, status: int) -> None:
        if status < 100 or status == 101:
            raise ValueError(f"status {status}")
        size = sum(map(len, chain.from_iterable(self._fields))) + limits.FIELD_BYTES * (1 + len(self._fields))
        self._informational_size += limits.INFORMATIONAL_BYTES + size
        if self._informational_size > limits.HEAD_BYTES:
            raise ValueError(limits.TOO_LARGE)
        self._on_informational(status, self._fields)
        self._fields = []
        self.phase = INFORMATIONAL

    def on_body(self, data: bytes) -> None:
        if self.phase is not BODY:
            raise ValueError("content where none may be")
        self._parts.append(data)
        self.buffered += len(data)

    def on_message_complete(self) -> None:
        if self.phase is INFORMATIONAL:
            self.phase = HEAD
        else:
            if self.trailers:
                response_pairs(self.trailers)  # Malformed breaks the response, as it would in its head
            self.phase = DONE
