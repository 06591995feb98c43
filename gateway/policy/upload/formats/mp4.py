"""MP4, M4A, 3GP and QuickTime: the ISO base media file format (ISO/IEC 14496-12), whole or in fragments."""

from __future__ import annotations

from functools import partial
from struct import Struct

from gateway.policy.upload.formats.walk import SETTLED, Accepted, CutError, Part, Units, Walk, WrongTypeError, exactly

_MP4 = (
    *(b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9", b"mp41", b"mp42", b"avc1"),
    *(b"M4A ", b"M4B ", b"M4V ", b"mmp4", b"MSNV", b"dash", b"msdh", b"cmfc", b"cmf2"),
    *(
        b"3gp4",
        b"3gp5",
        b"3gp6",
        b"3gp7",
        b"3gp8",
        b"3gp9",
        b"3gr6",
        b"3gs6",
        b"3ge6",
        b"3ge9",
        b"3gg6",
        b"3g2a",
        b"3g2b",
        b"3g2c",
    ),
)
_FAMILIES = {**dict.fromkeys(_MP4, "mp4"), b"qt  ": "quicktime"}
_OF_PICTURES = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"mif2", b"msf1", b"avif", b"avis"))
_SECOND = frozenset(
    (b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"uuid", b"pdin", b"sidx", b"styp", b"prft", b"emsg")
)
_PLAIN = _SECOND - {b"moov"}
_SHORTEST_PLAIN = 12
"""Octets. A fragment of silence has 4 octets of sound."""
_ENTERED = {b"": b"moov", b"moov": b"trak", b"trak": b"mdia"}
"""The boxes on the way to the kind of each track, by the box around them."""
_LONGEST_BRANDS = 512
_HEAD = Struct(">I4s").unpack_from


def walk(accepted: Accepted) -> Walk:
    """Walk all boxes by their lengths, and inside of ``moov`` to the kind of each track."""
    yield from _brands(accepted)
    seen: set[bytes] = set()
    yield from _boxes(b"", 2**64, seen)
    if not {b"moov", b"mdat"} <= seen:
        raise CutError("no moov, or no mdat")
    if accepted.sound_only and b"hdlr vide" in seen:
        raise WrongTypeError("a track of video in what is declared as audio")
    if not seen & {b"hdlr soun", b"hdlr vide"}:
        raise CutError("no track of sound")


def _boxes(around: bytes, left: int, seen: set[bytes]) -> Walk:
    """Walk the boxes in the ``left`` octets of the box ``around``, or of the file; add their kinds and their tracks' to
    ``seen``."""
    after, plain = partial(_after_plain_boxes, seen), False
    while left > 0:
        if not around and seen:
            yield Units(after, plain)
        head = yield 8
        if not head and not around:
            return
        kind, content, used = yield from _box(head)
        if not around and not seen:
            if kind not in _SECOND:
                raise CutError(f"the box {kind!r} after the brands")
            yield SETTLED
        seen.add(kind)
        plain = kind in _PLAIN and used == 8 and content + 8 >= _SHORTEST_PLAIN
        if content == -used and kind == b"mdat" and not around:
            return  # a length of 0: to the end of the file
        left -= used + content
        if content < 0 or left < 0:
            raise CutError(f"a box {kind!r} of {used + content} octets")
        if kind == _ENTERED.get(around):
            yield from _boxes(kind, content, seen)
        elif kind == b"hdlr" and around == b"mdia" and content >= 12:
            seen.add(b"hdlr " + (yield from exactly(12))[8:])
            yield 12 - content
        else:
            yield -content


def _after_plain_boxes(seen: set[bytes], piece: bytes, at: int) -> int:
    """See ``walk.Units``. Add the kinds of the boxes to ``seen``."""
    last = len(piece) - _SHORTEST_PLAIN
    while at <= last:
        size, kind = _HEAD(piece, at)
        if size < _SHORTEST_PLAIN or kind not in _PLAIN or at + size > len(piece):
            break
        seen.add(kind)
        at += size
    return at


def _box(head: bytes) -> Part[tuple[bytes, int, int]]:
    """The kind of a box that begins with ``head``, and the octets of its content and of its head."""
    size, kind, used = int.from_bytes(head[:4], "big"), head[4:], 8
    if len(head) < 8 or not kind.isascii():
        raise CutError("octets between the boxes")
    if size == 1:
        size, used = int.from_bytes((yield from exactly(8)), "big"), 16
    return kind, size - used, used


def _brands(accepted: Accepted) -> Walk:
    """Read the box ``ftyp``: the brand that the file is of, and those that it is compatible with."""
    head = yield from exactly(8)
    size = int.from_bytes(head[:4], "big")
    if not 16 <= size <= _LONGEST_BRANDS or size % 4:
        raise CutError(f"brands of {size} octets")
    brands = yield from exactly(size - 8)
    compatible = {brands[at : at + 4] for at in range(8, len(brands), 4)}
    if _FAMILIES.get(brands[:4]) not in accepted.families or compatible & _OF_PICTURES:
        raise WrongTypeError(f"the brand {brands[:4]!r}")
