"""Recordings with a simple structure: CAF (Apple), AMR (RFC 4867), FLAC (RFC 9639)."""

from __future__ import annotations

from gateway.policy.upload.formats.walk import SETTLED, Accepted, CutError, Walk, WrongTypeError, exactly

_CAF_HEAD = b"caff\0\1\0\0"
_TO_THE_END = 2**64 - 1
_NARROW = {kind: size for kind, size in enumerate((12, 13, 15, 17, 19, 20, 26, 31, 5))} | {15: 0}
_WIDE = {kind: size for kind, size in enumerate((17, 23, 32, 36, 40, 46, 50, 58, 60, 5))} | {14: 0, 15: 0}
"""Octets of a frame of AMR by its type, without its head (RFC 4867 section 5.3). 14 is a lost one, 15 one without data."""


def caf(accepted: Accepted) -> Walk:
    """Walk the chunks: the description has to come first."""
    if (yield from exactly(8)) != _CAF_HEAD:
        raise CutError("an unknown version of CAF")
    seen: set[bytes] = set()
    while head := (yield 12):
        kind, size = head[:4], int.from_bytes(head[4:], "big")
        if len(head) < 12 or not kind.isascii():
            raise CutError("octets between the chunks")
        if not seen:
            if kind != b"desc" or size != 32:
                raise CutError("no description of the sound")
            yield SETTLED
        seen.add(kind)
        if kind == b"data" and size == _TO_THE_END:
            return
        yield -size
    if b"data" not in seen:
        raise CutError("no sound")


def amr(accepted: Accepted) -> Walk:
    """Require two frames after the magic line, of one channel."""
    line = yield from exactly(6)
    sizes = _NARROW
    if line != b"#!AMR\n":
        line += yield from exactly(3)
        sizes = _WIDE
        if line != b"#!AMR-WB\n":
            raise WrongTypeError(f"begins with {line!r}")
    frames = 0
    while frames < 2 and (head := (yield 1)):
        size = sizes.get(head[0] >> 3 & 15)
        if size is None or head[0] & 0x83:  # the octets' other bits are zero
            raise WrongTypeError(f"{head.hex()} begins no frame of AMR")
        yield -size
        frames += 1
    if not frames:
        raise CutError("no sound")
    yield SETTLED


def flac(accepted: Accepted) -> Walk:
    """Walk the blocks of metadata up to the first frame."""
    yield from exactly(4)
    head = yield from exactly(4)
    if head[0] & 0x7F or head[1:] != b"\0\0\x22":
        raise CutError("no description of the sound")
    described = yield from exactly(34)
    if not int.from_bytes(described[10:13], "big") >> 4:
        raise CutError("no sampling rate")
    yield SETTLED
    while not head[0] & 0x80:
        head = yield from exactly(4)
        yield -int.from_bytes(head[1:], "big")
    if (yield from exactly(2)) not in (b"\xff\xf8", b"\xff\xf9"):
        raise CutError("no frame after the metadata")
