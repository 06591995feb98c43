"""Which media types name which containers, and how a container is recognised. Names are what phones and browsers send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from gateway.policy.upload.formats import mp4, mpeg, ogg, pictures, plain, riff, webm
from gateway.policy.upload.formats.walk import Format

LONGEST_START = 12
"""Octets by which a container is recognised, at most."""

ANY = "application/octet-stream"
"""Says nothing of the content: where a policy takes it, a file may be of any family of the other types on the list."""

# MediaRecorder calls a recording video where the page asked for no type or for one of video.
_NAMES = {
    ("webm",): "audio/webm video/webm",
    ("matroska",): "audio/x-matroska video/x-matroska audio/matroska video/matroska",
    ("ogg",): "audio/ogg application/ogg audio/opus audio/x-opus audio/x-opus+ogg audio/vorbis audio/x-vorbis+ogg",
    ("mp4",): "audio/mp4 audio/m4a audio/x-m4a audio/x-mp4 video/mp4 video/x-m4v"
    " audio/3gpp audio/3gpp2 audio/3gp video/3gpp video/3gpp2 video/3gp",
    # The name of a codec, and what phones call it in frames of its own and in MP4.
    ("adts", "mp4"): "audio/aac audio/x-aac audio/aacp audio/mp4a-latm audio/x-hx-aac-adts audio/vnd.dlna.adts",
    ("quicktime",): "video/quicktime",
    ("mp3",): "audio/mpeg audio/mp3 audio/x-mp3 audio/x-mpeg audio/mpeg3 audio/x-mpeg-3 audio/mpg audio/x-mpg",
    ("wav",): "audio/wav audio/wave audio/x-wav audio/x-pn-wav audio/vnd.wave",
    ("caf",): "audio/x-caf audio/caf",
    ("amr",): "audio/amr audio/amr-wb audio/x-amr",
    ("flac",): "audio/flac audio/x-flac",
    ("png",): "image/png image/x-png image/apng",
    ("jpeg",): "image/jpeg image/jpg image/pjpeg",
    ("gif",): "image/gif",
    ("webp",): "image/webp",
}

FAMILIES: Mapping[str, frozenset[str]] = {
    name: frozenset(families) for families, names in _NAMES.items() for name in names.split()
}
"""The families of containers that a media type may stand for."""

KNOWN_TYPES = frozenset(FAMILIES)
"""The media types that have a signature."""


class Signature(NamedTuple):
    """How files of some families begin, and the walk that tells what they are."""

    families: frozenset[str]
    title: str
    """What a user calls such a file."""
    begins: re.Pattern[bytes]
    walk: Format
    end: bytes = b""
    """The last octet of a whole file, zeros after it aside."""


def _signature(families: str, title: str, begins: bytes, walk: Format, end: bytes = b"") -> Signature:
    return Signature(frozenset(families.split()), title, re.compile(begins, re.DOTALL), walk, end)


SIGNATURES: tuple[Signature, ...] = (
    _signature("webm matroska", "a WebM or Matroska file", rb"\x1a\x45\xdf\xa3", webm.walk),
    _signature("ogg", "an Ogg file", rb"OggS", ogg.walk),
    _signature("mp4 quicktime", "an MP4 file", rb".{4}ftyp", mp4.walk),
    _signature("wav", "a WAV recording", rb"RIFF.{4}WAVE", riff.wave),
    _signature("mp3 adts", "an MP3 or AAC recording", rb"ID3|\xff[\xe0-\xff]", mpeg.walk),
    _signature("caf", "a CAF recording", rb"caff", plain.caf),
    _signature("amr", "an AMR recording", rb"#!AMR", plain.amr),
    _signature("flac", "a FLAC recording", rb"fLaC", plain.flac),
    _signature("png", "a PNG picture", rb"\x89PNG\r\n\x1a\n", pictures.png),
    _signature("jpeg", "a JPEG picture", rb"\xff\xd8\xff", pictures.jpeg),
    _signature("gif", "a GIF picture", rb"GIF8[79]a", pictures.gif, b";"),
    _signature("webp", "a WebP picture", rb"RIFF.{4}WEBP", riff.webp),
)

_OTHERS = (
    ("a web page", rb"\s*<(?:!d|!-|ht|sc|he|bo)"),
    ("an SVG or XML document", rb"(?:\xef\xbb\xbf)?\s*<(?:\?x|sv)"),
    ("a PDF document", rb"%PDF"),
    ("a ZIP archive or an Office document", rb"PK[\3\5\7]"),
    ("a program", rb"MZ|\x7fELF|#!|\xca\xfe\xba\xbe|[\xce\xcf]\xfa\xed\xfe"),
    ("an AVI film", rb"RIFF.{4}AVI "),
)


def signature_of(start: bytes) -> Signature | None:
    """The signature of the file that begins with ``start``: its first LONGEST_START octets, or all of it."""
    return next((signature for signature in SIGNATURES if signature.begins.match(start)), None)


def title_of(start: bytes) -> str:
    """What a file without a signature is, for its user; empty when nobody knows."""
    return next((title for title, begins in _OTHERS if re.match(begins, start, re.DOTALL | re.IGNORECASE)), "")
