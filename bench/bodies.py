"""What requests carry: the bytes of each kind of content, and such as must be refused where somebody looks into it."""

from __future__ import annotations

import json
from pathlib import Path

OCTETS, JSON, FORM = "octets", "json", "form"
"""Kinds of content: bytes that say nothing, an object, a recording in a form."""

_BOUNDARY = b"----WebKitFormBoundary7MA4YWxkTrZu0gW"
TYPES = {
    OCTETS: "application/octet-stream",
    JSON: "application/json",
    FORM: f"multipart/form-data; boundary={_BOUNDARY.decode()}",
}


def body(kind: str, size: int) -> bytes:
    """A content of ``size`` bytes; a good one, also for who looks into it."""
    if kind == JSON:
        return _message("", size)
    if kind == FORM:
        return _form(b"audio/wav", size)
    return b"x" * size


def bad(kind: str) -> bytes:
    """A small content of the types ``JSON`` or ``FORM`` that breaks what the gateway's policies say of it."""
    return _message("nobody", 1024) if kind == JSON else _form(b"image/png", 4096)


def written(folder: Path, kind: str, size: int) -> Path:
    """A file with the content."""
    path = folder / f"{kind}-{size}"
    if not path.exists():
        path.write_bytes(body(kind, size))
    return path


def _message(level: str, size: int) -> bytes:
    value = {
        "message": "",
        "language": "de",
        "profile": {"level": level or "B2", "goals": ["travel", "work"], "streak": 12, "score": 0.75},
        "at": "2026-01-02T03:04:05.678Z",
    }
    spare = size - len(json.dumps(value, separators=(",", ":")))
    return json.dumps(
        {**value, "message": "Guten Tag, " * (spare // 11) + "x" * (spare % 11)}, separators=(",", ":")
    ).encode()


def _form(media_type: bytes, size: int) -> bytes:
    """A form with a recording of PCM, 16 bits at 16 kHz."""
    start = b'--%b\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\nContent-Type: %b\r\n\r\n' % (
        _BOUNDARY,
        media_type,
    )
    end = b'\r\n--%b\r\nContent-Disposition: form-data; name="language"\r\n\r\nde\r\n--%b--\r\n' % (
        _BOUNDARY,
        _BOUNDARY,
    )
    sound = (size - len(start) - len(end) - 44) // 2 * 2
    spare = size - len(start) - len(end) - 44 - sound  # a chunk has an even length: the file name takes the odd byte
    start = start.replace(b"a.wav", b"a" * (spare + 1) + b".wav")
    head = b"RIFF" + (36 + sound).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0"
    samples = (bytes(range(256)) * (sound // 256 + 1))[:sound]
    return start + head + b"data" + sound.to_bytes(4, "little") + samples + end
