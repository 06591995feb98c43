"""Ogg (RFC 3533) with Opus, Vorbis, Speex or FLAC in it."""

from __future__ import annotations

from gateway.policy.upload.formats.walk import SETTLED, Accepted, CutError, Walk, WrongTypeError, exactly

_SOUND = (b"OpusHead", b"\x01vorbis", b"Speex   ", b"\x7fFLAC")
_FIRST_PAGE = 2


def walk(accepted: Accepted) -> Walk:
    """Walk all pages. Each stream in the file begins with a page that names its codec (RFC 3533 section 4)."""
    held_sound = False
    while head := (yield 27):
        if len(head) < 27 or head[:5] != b"OggS\0":
            raise CutError("octets between the pages")
        lengths = yield from exactly(head[26])
        rest = sum(lengths)
        if head[5] & _FIRST_PAGE:
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
