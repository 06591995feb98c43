"""Forms that an upload policy lets pass: a small file of one of its types, and texts that match."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from gateway.policy.upload.settings import Part, Settings
from gateway.policy.upload.signatures import FAMILIES
from gateway.review.pattern_texts import texts

BOUNDARY = "witness"

# The smallest files that the walks of the upload policy take for whole (``policy.upload.formats``).
_FILES = {
    "gif": base64.b64decode("R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs="),
    "png": base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    ),
    "wav": b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x02\0\0\0\x80\x80",
}


def form(settings: Settings, others: Mapping[str, tuple[bytes, str]] | None = None, without: str = "") -> bytes:
    """A form with the required parts of ``settings`` but ``without``, and with ``others`` by their names: the content and the
    media type of each, which is empty for a text."""
    parts = {name: content(part) for name, part in settings.parts.items() if part.required and name != without}
    return encoded({**parts, **(others or {})})


def content(part: Part, media_type: str = "") -> tuple[bytes, str]:
    """Something that ``part`` takes, and its media type; of ``media_type`` where that is given."""
    if not part.types:
        return next(iter(texts(part.pattern)), "a").encode() if part.pattern else b"a", ""
    for name in (media_type,) if media_type else part.types:
        for family in sorted(FAMILIES.get(name, ())):
            if family in _FILES:
                return _FILES[family], name
    return b"a", media_type or part.types[0]


def encoded(parts: Mapping[str, tuple[bytes, str]]) -> bytes:
    """The form as it is sent."""
    found = b""
    for name, (octets, media_type) in parts.items():
        file = f'; filename="{name}"\r\ncontent-type: {media_type}' if media_type else ""
        found += (
            f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + octets + b"\r\n"
        )
    return found + f"--{BOUNDARY}--\r\n".encode()
