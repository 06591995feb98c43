"""What the content of a file begins with, by its media type."""

from __future__ import annotations

from collections.abc import Mapping

SIGNATURES: Mapping[str, tuple[tuple[int, bytes], ...]] = {
    "audio/webm": ((0, b"\x1aE\xdf\xa3"),),
    "audio/ogg": ((0, b"OggS"),),
    "audio/mp4": ((4, b"ftyp"),),
    "audio/x-m4a": ((4, b"ftyp"),),
    "audio/aac": ((0, b"\xff\xf1"), (0, b"\xff\xf9")),
    "audio/mpeg": ((0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xf3")),
    "audio/wav": ((0, b"RIFF"),),
    "image/png": ((0, b"\x89PNG\r\n\x1a\n"),),
    "image/jpeg": ((0, b"\xff\xd8\xff"),),
}

KNOWN_TYPES = frozenset(SIGNATURES)
"""The media types whose content has a signature."""
