"""How much of a response an upstream may send before the gateway has use for it: the twin of ``listen.limits.header_bytes``.

A body is paid for by the client that takes it and is paused while that does not. Heads, informational responses, the
framing of chunks and trailers are kept or read without that, so each has a bound. A response beyond one is broken
(``CallFailure.BROKEN``) and counts against its upstream; no call can make a worker larger than the table says.
"""

from __future__ import annotations

from gateway.core.fields import Pair

SMALL = 64 * 1024
"""Bytes of a body up to which a response is collected and passed on in one piece."""

HIGH_WATER = 256 * 1024
"""Bytes of a streamed body that may wait for the client; then the upstream is not read any more."""

PARTS = 1024
"""Pieces in which they may wait: a piece of two bytes takes fifty of memory, so more of them are joined, and no more are
read before these are taken. libuv reads a connection up to 32 times in a row: with 256 KiB of tiny chunks, 4 ms each, everybody
waited for 1.5 s where ten such responses were taken as quickly as they came."""

HEAD_BYTES = 64 * 1024
"""Bytes of everything before the body: the status line with its reason phrase, the fields, and all 1xx responses. The
number of fields is bounded where they are read (``core.response_fields.MOST_FIELDS``)."""

FIELD_BYTES = 32
"""What a field counts for beside its name and value (RFC 9113 6.5.2, RFC 9114 4.2.2)."""

INFORMATIONAL_BYTES = 1024
"""What a 1xx response counts for beside its own bytes: 60 of them are as much as a head may be."""

FRAMING_BYTES = 64 * 1024
"""Bytes between two pieces of a chunked body: sizes, their extensions, leading zeros, and all trailers (RFC 9112 7.1)."""

TOO_LARGE = "the head of the response is too large"


class TrailerFields(list[Pair]):
    """The trailers of one response (RFC 9110 6.5), counted as they come. Raises ValueError."""

    size = 0

    def append(self, pair: Pair) -> None:
        self.size += len(pair[0]) + len(pair[1]) + FIELD_BYTES
        if self.size > FRAMING_BYTES:
            raise ValueError("the trailers of the response are too large")
        super().append(pair)
