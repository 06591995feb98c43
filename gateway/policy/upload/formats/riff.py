"""RIFF: recordings (WAVE) and pictures (WebP, RFC 9649)."""

from __future__ import annotations

from gateway.policy.upload.formats.walk import SETTLED, Accepted, CutError, Walk, exactly

_HEAD = 12
_UNKNOWN = 0x7FFF0000
"""Recorders that cannot go back to the head write a length of 0, or one from here on."""
_SLACK = 8
"""Octets by which the length of the whole may be wrong: some recorders count its own head, some leave the format out."""
_LONGEST_FORMAT = 1024
_PICTURES = (b"VP8 ", b"VP8L", b"VP8X")


def wave(accepted: Accepted) -> Walk:
    """Walk the chunks of a recording; up to its sound where the sound has no length."""
    whole = _length((yield from exactly(_HEAD))[:8])
    at = _HEAD
    seen: set[bytes] = set()
    while head := (yield 8):
        kind, size = _chunk(head)
        if kind == b"fmt ":
            yield from _wave_format(size)
        elif kind == b"data" and b"fmt " not in seen:
            raise CutError("sound before its format")
        elif kind == b"data" and not 0 < size < _UNKNOWN:
            if (yield 1):
                return
            raise CutError("no sound")
        else:
            yield -size
        seen.add(kind)
        at += 8 + size
        if size % 2:
            at += len((yield 1))  # not all recorders pad the last chunk
    if b"data" not in seen:
        raise CutError("no sound")
    if 0 < whole < _UNKNOWN and abs(8 + whole - at) > _SLACK:
        raise CutError(f"a length of {whole} in a file of {at} octets")


def webp(accepted: Accepted) -> Walk:
    """Walk the chunks of a picture; its length has to be right."""
    whole = _length((yield from exactly(_HEAD))[:8])
    at = _HEAD
    while head := (yield 8):
        kind, size = _chunk(head)
        if at == _HEAD:
            if kind not in _PICTURES or size < 5:
                raise CutError(f"a picture that begins with the chunk {kind!r} of {size} octets")
            yield SETTLED
        yield -(size + size % 2)
        at += 8 + size + size % 2
    if 8 + whole + whole % 2 != at or at == _HEAD:
        raise CutError(f"a length of {whole} in a file of {at} octets")


def _wave_format(size: int) -> Walk:
    if not 16 <= size <= _LONGEST_FORMAT:
        raise CutError(f"a format of {size} octets")
    described = yield from exactly(size)
    channels, rate = int.from_bytes(described[2:4], "little"), int.from_bytes(described[4:8], "little")
    if not channels or not rate:
        raise CutError("no channel, or no sampling rate")
    yield SETTLED


def _chunk(head: bytes) -> tuple[bytes, int]:
    kind = head[:4]
    if len(head) < 8 or not all(32 <= octet < 127 for octet in kind):
        raise CutError("octets between the chunks")
    return kind, _length(head)


def _length(head: bytes) -> int:
    return int.from_bytes(head[4:8], "little")
