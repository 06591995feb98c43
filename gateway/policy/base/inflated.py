"""The content of a request without its coding (RFC 9110 section 8.4): inflated while it is read, within a size and a ratio.

What policies look into, and what the upstream gets, is the same then, and neither has to inflate a bomb.
"""

from __future__ import annotations

import zlib

from gateway.core.exchange import RequestContent
from gateway.core.verdict import Refusal, refuse

FREE = 8 * 1024
"""Bytes that may come of any few: a short text of one letter has a high ratio and costs nothing."""

PIECE = 256 * 1024
"""Bytes that one read inflates, at most: the reader takes them before there are more."""

GZIP, DEFLATE = "gzip", "deflate"
CODINGS: dict[bytes, str] = {b"gzip": GZIP, b"x-gzip": GZIP, b"deflate": DEFLATE}
"""The codings that the standard library inflates, as a request names them in lower case (RFC 9110 section 8.4.1)."""

OF_THE_CODED = frozenset((b"content-encoding", b"content-digest", b"content-md5", b"digest", b"repr-digest"))
"""The fields that say something of the coded content, and would be wrong of the inflated (RFC 9530 sections 2 and 3)."""

_GZIP, _ZLIB, _RAW = 31, 15, -15  # window bits of zlib


class InflatedContent:
    """``content`` as its ``coding`` inflates.

    ``limit`` bounds the bytes that come of it, and so does ``ratio`` for each byte that it had. What was cut, is followed by
    anything, or is not of that coding ends the request. Whether it passes does not depend on the pieces in which it arrives.
    """

    __slots__ = (
        "_coded",
        "_content",
        "_left",
        "_made",
        "_pending",
        "_taken",
        "_unzip",
        "coding",
        "length",
        "limit",
        "ratio",
        "received",
    )

    late = False  # see ``proxy.upstream.upload``, which may be around this one

    def __init__(self, content: RequestContent, coding: str, limit: int, ratio: int) -> None:
        self._content = content
        self._unzip: zlib._Decompress | None = None
        self._left = b""  # what was read of the content and is not inflated yet
        self._pending = bytearray()  # what was inflated and not read
        self._taken = 0  # bytes read of the content
        self._coded = content.length  # bytes of the content in all, None where that is not known yet
        self._made = 0  # bytes inflated
        self.coding = coding
        self.length: int | None = None  # known only when all is inflated
        self.limit: int | None = limit
        self.ratio = ratio
        self.received = 0

    @property
    def arrived(self) -> int:
        """Bytes of the coded content that are here, read or not."""
        return self._content.arrived

    @property
    def complete(self) -> bool:
        """Whether the coded content is here, read or not, or no more of it will arrive."""
        return self._content.complete

    def whole(self) -> bytes | Refusal | None:
        """See ``RequestBody.whole``."""
        if not self.complete:
            return None
        refusal = self._take_rest()
        if refusal is not None:
            return refusal
        parts = [bytes(self._pending)]
        self._pending.clear()
        while piece := self._inflate():
            if isinstance(piece, Refusal):
                return piece
            parts.append(piece)
        data = b"".join(parts)
        self.received += len(data)
        return self._at_end() or data

    def put_back(self, data: bytes) -> None:
        """See ``RequestBody.put_back``."""
        self._pending[:0] = data
        self.received -= len(data)

    async def gather(self, least: int) -> Refusal | None:
        """See ``RequestBody.gather``."""
        while not self.complete and len(self._pending) < least:
            piece = await self._next()
            if isinstance(piece, Refusal):
                return piece
            if not piece:
                break
            self._pending += piece
        return None

    async def read(self) -> bytes | Refusal:
        """See ``RequestBody.read``."""
        piece: bytes | Refusal = bytes(self._pending)
        self._pending.clear()
        if not piece:
            piece = await self._next()
        if not isinstance(piece, Refusal):
            self.received += len(piece)
        return piece

    async def _next(self) -> bytes | Refusal:
        """The next inflated bytes, ``b""`` at the end."""
        while True:
            piece = self._inflate()
            if piece:
                return piece
            if self.complete:
                refusal = self._take_rest()
                if refusal is not None:
                    return refusal
                if not self._left:
                    return self._at_end() or b""
                continue
            coded = await self._content.read()
            if isinstance(coded, Refusal):
                return coded
            self._taken += len(coded)
            self._left += coded

    def _take_rest(self) -> Refusal | None:
        """Take what is here of a content that is complete, whose length is known from now on."""
        rest = self._content.whole()
        if isinstance(rest, Refusal):
            return rest
        self._left += rest or b""
        self._coded = self._taken = self._taken + len(rest or b"")
        return None

    def _inflate(self) -> bytes | Refusal:
        """Up to ``PIECE`` bytes of what is here, ``b""`` when there are no more."""
        if self._unzip is None:
            if not self._left:
                return b""
            self._unzip = zlib.decompressobj(_window(self.coding, self._left[0]))
        unzip = self._unzip
        if unzip.eof:
            return refuse("body_malformed", "something behind the coded content") if self._left else b""
        try:
            made = unzip.decompress(self._left, PIECE)
        except zlib.error:
            return refuse("body_malformed", f"no {self.coding}, or a broken one")
        self._left = unzip.unconsumed_tail or unzip.unused_data
        self._made += len(made)
        refusal = self._too_large()
        if refusal is not None:
            return refusal
        return made or (self._inflate() if unzip.eof and self._left else b"")

    def _at_end(self) -> Refusal | None:
        """What is wrong with the content now that all of it has been read."""
        if self._taken == 0:
            return None  # content is bytes: no bytes are none, whatever their coding
        if self._unzip is None or not self._unzip.eof:
            return refuse("body_malformed", f"the {self.coding} is cut")
        return self._too_large()

    def _too_large(self) -> Refusal | None:
        if self.limit is not None and self._made > self.limit:
            return refuse("body_too_large", f"inflates to more than {self.limit} bytes", close=True)
        if self._coded is not None and self._made > max(FREE, self.ratio * self._coded):
            return refuse("body_too_large", f"inflates to more than {self.ratio} times its length", close=True)
        return None


def _window(coding: str, first: int) -> int:
    """The window bits for zlib. ``deflate`` is zlib's format, and was sent without its head by some (RFC 9110 8.4.1.2): no
    encoder begins that with the low half byte 8, a block that is stored with bits that must be 0."""
    if coding == GZIP:
        return _GZIP
    return _ZLIB if first & 0x0F == zlib.DEFLATED else _RAW
