"""Ogg (RFC 3533) with Opus, Vorbis, Speex or FLAC in it."""

from __future__ import annotations

from struct import Struct

from gateway.policy.upload.formats.walk import SETTLED, Accepted, CutError, Units, Walk, WrongTypeError, exactly

_SOUND = (b"OpusHead", b"\x01vorbis", b"Speex   ", b"\x7fFLAC")
_FIRST_PAGE = 2
_PAGE = Struct(">5sB20xBB")
"""The head of a page: how it begins, its flags, the count of the lengths that follow, and the first of them."""


def walk(accepted: Accepted) -> Walk:
    """Walk all pages. Each stream in the file begins with a page that names its codec (RFC 3533 section 4)."""
    held_sound = plain = False
    while True:
        if held_sound:
            yield Units(_after_plain_pages, plain)
        head = yield 27
        if not head:
            break
        if len(head) < 27 or head[:5] != b"OggS\0":
            raise CutError("octets between the pages")
        lengths = yield from exactly(head[26])
        rest = sum(lengths)
        plain = not head[5] & _FIRST_PAGE
        if not plain:
            codec = yield from exactly(min(8, rest))
            if not codec.startswith(_SOUND):
                raise WrongTypeError(f"Ogg with a stream that begins {codec!r}")
            rest -= len(codec)
        elif not held_sound:
            held_sound = True
            yield SETTLED
        yield -rest
    if not held_sound:
        raise CutError("no page of sound")


def _after_plain_pages(piece: bytes, at: int) -> int:
    """See ``walk.Units``. A plain page begins no stream."""
    size = len(piece)
    while at <= size - _PAGE.size:
        capture, flags, count, first = _PAGE.unpack_from(piece, at)
        if capture != b"OggS\0" or flags & _FIRST_PAGE:
            break
        lengths = at + 27
        end = lengths + count + (first if count == 1 else sum(piece[lengths : lengths + count]))
        if end > size:
            break
        at = end
    return at
