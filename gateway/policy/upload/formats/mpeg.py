"""MP3 (ISO/IEC 11172-3, 13818-3) and AAC in ADTS (ISO/IEC 13818-7), with or without ID3 before."""

from __future__ import annotations

from gateway.policy.upload.formats.walk import SETTLED, Accepted, CutError, Walk, WrongTypeError, exactly

_HEAD = 7
"""Octets of the head of a frame in ADTS; MP3 has four, and no frame of less than 24."""
_RATES = (44100, 48000, 32000)
_MPEG_1 = 3
_DIVISORS = {_MPEG_1: 1, 2: 2, 0: 4}
"""What the rates of MPEG-1 are divided by, by the two bits of the version: 1, 2 and 2.5."""
_KBITS = (
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # of MPEG-1
)
_MOST_TAGS = 4


def walk(accepted: Accepted) -> Walk:
    """Require two frames, of which the second begins where the first one ends. After a tag one frame may be all."""
    head = yield from exactly(_HEAD)
    tags = 0
    while head.startswith(b"ID3"):
        tags += 1
        if tags > _MOST_TAGS:
            raise CutError("one ID3 tag after the other")
        yield -_tag(head + (yield from exactly(3)))
        head = yield from exactly(_HEAD)
    family, length = _frame(head)
    if family not in accepted.families:
        raise WrongTypeError(f"{head.hex()} is {'a frame of ' + family if family else 'no frame of MP3 or AAC'}")
    yield _HEAD - length
    following = yield _HEAD
    if (following or not tags) and not _alike(head, following):
        raise WrongTypeError(f"{following.hex() or 'nothing'} after a frame of {family}")
    yield SETTLED


def _alike(head: bytes, following: bytes) -> bool:
    """Whether two frames are of one stream: family, version, layer and rate stay the same in it."""
    return _frame(following)[0] == _frame(head)[0] and following[1] == head[1] and not (following[2] ^ head[2]) & 0x0C


def _tag(head: bytes) -> int:
    """How many octets an ID3 tag has after its head of ten (ID3v2.4.0 section 3.1). Raises CutError when it is none."""
    version, revision, flags, *sizes = head[3:]
    if not 2 <= version <= 4 or revision == 0xFF or max(sizes) > 0x7F:
        raise CutError("an ID3 tag with a malformed head")
    length = 0
    for septet in sizes:
        length = length << 7 | septet
    return length + (10 if version == 4 and flags & 0x10 else 0)  # a foot


def _frame(head: bytes) -> tuple[str, int]:
    """The family and the length in octets of the frame that begins with ``head``; no family for what begins none."""
    if len(head) < _HEAD or head[0] != 0xFF or head[1] < 0xE0:
        return "", 0
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if layer == 0:
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        return ("adts", length) if version & 2 and (head[2] >> 2 & 15) < 13 and length > _HEAD else ("", 0)
    bits, rate = head[2] >> 4, head[2] >> 2 & 3
    # Layer III only. Free format (no bit rate) has frames of a length that nothing says.
    if layer != 1 or version not in _DIVISORS or rate == 3 or bits in (0, 15):
        return "", 0
    of_1 = version == _MPEG_1
    length = (144 if of_1 else 72) * _KBITS[of_1][bits] * 1000 // (_RATES[rate] // _DIVISORS[version])
    return "mp3", length + (head[2] >> 1 & 1)
