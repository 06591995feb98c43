"""PNG, JPEG and GIF. WebP is RIFF."""

from __future__ import annotations

from zlib import crc32

from gateway.policy.upload.formats.walk import SETTLED, Accepted, CutError, Part, Walk, exactly

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_END = 0xD9
_NOT_HERE = frozenset(range(0xD0, 0xDA))  # RST0-7, SOI, EOI: markers without a segment


def png(accepted: Accepted) -> Walk:
    """Walk the chunks from IHDR to IEND (RFC 2083, W3C PNG); nothing may follow."""
    yield from exactly(8)
    first = yield from exactly(25)
    width, height = int.from_bytes(first[8:12], "big"), int.from_bytes(first[12:16], "big")
    if first[:8] != b"\0\0\0\x0dIHDR" or not 0 < width < 2**31 or not 0 < height < 2**31:
        raise CutError("no IHDR of a picture")
    if crc32(first[4:21]) != int.from_bytes(first[21:], "big"):
        raise CutError("an IHDR with a wrong checksum")
    yield SETTLED
    seen: set[bytes] = set()
    while (head := (yield from exactly(8))) != b"\0\0\0\0IEND":
        if not head[4:].isalpha():
            raise CutError(f"a chunk {head[4:]!r}")
        seen.add(head[4:])
        yield -(int.from_bytes(head[:4], "big") + 4)
    yield from exactly(4)
    if b"IDAT" not in seen or (yield 1):
        raise CutError("no picture, or octets after the last chunk")


def jpeg(accepted: Accepted) -> Walk:
    """Walk the segments up to the first scan (ISO/IEC 10918-1 B.1.1), and look for the end of the picture.

    Phones append more after it: a second picture, a film, their own data.
    """
    yield from exactly(2)
    markers: list[int] = []
    while not markers or markers[-1] != _SCAN:
        marker = yield from _marker()
        if marker < 0xC0 or marker in _NOT_HERE:
            raise CutError(f"the marker {marker:02x} before the picture")
        if len(markers) == 1:
            yield SETTLED
        markers.append(marker)
        size = int.from_bytes((yield from exactly(2)), "big")
        if size < 2:
            raise CutError(f"a segment of {size} octets")
        yield 2 - size
    if not _FRAMES.intersection(markers):
        raise CutError("a scan without a frame")
    yield bytes((0xFF, _END))


def _marker() -> Part[int]:
    lead, code = yield from exactly(2)
    while lead == code == 0xFF:  # octets that fill
        (code,) = yield from exactly(1)
    if lead != 0xFF:
        raise CutError(f"the octet {lead:02x} in place of a marker")
    return code


def gif(accepted: Accepted) -> Walk:
    """Read the logical screen and what begins after it (GIF89a section 18)."""
    head = yield from exactly(13)
    if head[:6] not in (b"GIF87a", b"GIF89a") or not any(head[6:8]) or not any(head[8:10]):
        raise CutError("no logical screen")
    if head[10] & 0x80:
        yield -3 * (2 << (head[10] & 7))
    if (yield from exactly(1)) not in (b"\x21", b"\x2c"):
        raise CutError("neither a picture nor an extension")
    yield SETTLED
