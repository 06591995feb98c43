"""WebM and Matroska: EBML (RFC 8794, RFC 9559). MediaRecorder writes neither sizes nor durations, so none is required."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.policy.upload.formats.walk import SETTLED, Accepted, CutError, Part, Walk, WrongTypeError, exactly

_HEAD = b"\x1a\x45\xdf\xa3"
_DOC_TYPE = b"\x42\x82"
_SEGMENT = b"\x18\x53\x80\x67"
_TRACKS = b"\x16\x54\xae\x6b"
_TRACK = b"\xae"
_TRACK_TYPE = b"\x83"
_CLUSTER = b"\x1f\x43\xb6\x75"
_VIDEO = 1
_AUDIO = 2

_LONGEST_HEAD = 1024
_LONGEST_TRACKS = 16 * 1024  # the code books of Vorbis are 5 KB
_MOST_ELEMENTS = 256
_SHORTEST_CLUSTER = 10  # a time and a block


def walk(accepted: Accepted) -> Walk:
    """Walk the head, and the segment up to its first cluster."""
    yield from _identifier()
    size = yield from _size()
    if size is None or size > _LONGEST_HEAD:
        raise CutError("an EBML head without a sensible length")
    head = yield from exactly(size)
    doc_type = next((value for name, value in _elements(head) if name == _DOC_TYPE), b"").rstrip(b"\0")
    if doc_type not in (b"webm", b"matroska") or doc_type.decode() not in accepted.families:
        raise WrongTypeError(f"EBML with the DocType {doc_type[:20]!r}")
    if (yield from _identifier()) != _SEGMENT:
        raise CutError("no segment after the EBML head")
    yield from _size()
    yield from _up_to(_TRACKS)
    size = yield from _size()
    if size is None or size > _LONGEST_TRACKS:
        raise CutError("tracks without a sensible length")
    _check_tracks((yield from exactly(size)), accepted)
    yield SETTLED
    yield from _up_to(_CLUSTER)
    yield from _size()
    yield from exactly(_SHORTEST_CLUSTER)


def _up_to(wanted: bytes) -> Walk:
    """Pass over the elements of the segment before ``wanted``, and over its identifier."""
    while (name := (yield from _identifier())) != wanted:
        size = yield from _size()
        if size is None or name == _CLUSTER:
            raise CutError(f"the element {name.hex()} stands where it must not")
        yield -size


def _check_tracks(content: bytes, accepted: Accepted) -> None:
    kinds = {
        int.from_bytes(value, "big")
        for name, track in _elements(content)
        if name == _TRACK
        for field, value in _elements(track)
        if field == _TRACK_TYPE
    }
    if accepted.sound_only and _VIDEO in kinds:
        raise WrongTypeError("a track of video in what is declared as audio")
    if not kinds & {_AUDIO, _VIDEO}:
        raise CutError("no track of audio")


def _identifier() -> Part[bytes]:
    first = yield from exactly(1)
    length = 9 - first[0].bit_length()  # the zeros before the first one, and that one (RFC 8794 section 5)
    if length > 4:
        raise CutError("an octet that begins no element")
    return first + (yield from exactly(length - 1))


def _size() -> Part[int | None]:
    """The length of an element; None where the writer did not know it."""
    first = yield from exactly(1)
    length = 9 - first[0].bit_length()
    if length > 8:
        raise CutError("an octet that begins no length")
    return _number(first + (yield from exactly(length - 1)))


def _number(written: bytes) -> int | None:
    value = int.from_bytes(written, "big")
    unknown = (1 << 7 * len(written)) - 1
    value &= unknown
    return None if value == unknown else value


def _elements(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The elements right inside of one, by name and content. Raises CutError for what does not fit into it."""
    at = 0
    for _ in range(_MOST_ELEMENTS):
        if at == len(content):
            return
        name = content[at : at + 9 - content[at].bit_length()]
        at += len(name)
        written = content[at : at + 9 - content[at].bit_length()] if at < len(content) else b""
        at += len(written)
        size = _number(written) if written else None
        if not name or size is None or size > len(content) - at:
            break
        yield name, content[at : at + size]
        at += size
    raise CutError("elements that do not fit into the one around them")
