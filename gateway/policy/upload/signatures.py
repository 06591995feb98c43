"""Which media types name which containers, and how a container is recognised. Names are what phones and browsers send."""

from __future__ import annotations

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
    begins: tuple[bytes, ...]
    """The first octets: one of these."""
    walk: Format
    at: int = 0
    then: bytes = b""
    """What has to be at the octet ``at`` too."""
    end: bytes = b""
    """The last octet of a whole file, zeros after it aside."""

    def fits(self, start: bytes) -> bool:
        """Whether the file that begins with ``start`` is to be walked by this one."""
        return start.startswith(self.begins) and start[self.at : self.at + len(self.then)] == self.then


_EBML = (b"\x1a\x45\xdf\xa3",)
_SYNC = (b"ID3", *(bytes((0xFF, octet)) for octet in range(0xE0, 0x100)))

SIGNATURES: tuple[Signature, ...] = (
    Signature(frozenset(("webm", "matroska")), "a WebM or Matroska file", _EBML, webm.walk),
    Signature(frozenset(("ogg",)), "an Ogg file", (b"OggS",), ogg.walk),
    Signature(frozenset(("mp4", "quicktime")), "an MP4 file", (b"",), mp4.walk, 4, b"ftyp"),
    Signature(frozenset(("wav",)), "a WAV recording", (b"RIFF",), riff.wave, 8, b"WAVE"),
    Signature(frozenset(("mp3", "adts")), "an MP3 or AAC recording", _SYNC, mpeg.walk),
    Signature(frozenset(("caf",)), "a CAF recording", (b"caff",), plain.caf),
    Signature(frozenset(("amr",)), "an AMR recording", (b"#!AMR",), plain.amr),
    Signature(frozenset(("flac",)), "a FLAC recording", (b"fLaC",), plain.flac),
    Signature(frozenset(("png",)), "a PNG picture", (b"\x89PNG\r\n\x1a\n",), pictures.png),
    Signature(frozenset(("jpeg",)), "a JPEG picture", (b"\xff\xd8\xff",), pictures.jpeg),
    Signature(frozenset(("gif",)), "a GIF picture", (b"GIF87a", b"GIF89a"), pictures.gif, end=b";"),
    Signature(frozenset(("webp",)), "a WebP picture", (b"RIFF",), riff.webp, 8, b"WEBP"),
)

_TEXTS = (
    ("a web page", (b"<!d", b"<!-", b"<ht", b"<sc", b"<he", b"<bo")),
    ("an SVG or XML document", (b"<?x", b"<sv")),
)
_OTHERS = (
    ("a PDF document", (b"%PDF",)),
    ("a ZIP archive or an Office document", (b"PK\3\4", b"PK\5\6")),
    ("a program", (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")),
)


def signature_of(start: bytes) -> Signature | None:
    """The signature of the file that begins with ``start``: its first LONGEST_START octets, or all of it."""
    return next((signature for signature in SIGNATURES if signature.fits(start)), None)


def title_of(start: bytes) -> str:
    """What a file without a signature is, for its user; empty when nobody knows."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for octets, titles in ((text, _TEXTS), (start, _OTHERS)):
        for title, begins in titles:
            if octets.startswith(begins):
                return title
    return ""
