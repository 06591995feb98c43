"""The file in which a gateway keeps the locks of the other replicas for a start without Redis."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from gateway.state.redis.lockouts import Held, Known


def read(file: Path) -> Known:
    """What was kept; nothing when the file is missing or damaged."""
    try:
        kept = json.loads(file.read_bytes())
        held = [Held(*one) for one in kept["held"]]
        return Known("", {one.name: one for one in held}, dict(kept["unlocked"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Known()


def write(file: Path, known: Known) -> None:
    """Replaces the file as a whole, readable by its owner. A disk that does not take it costs only the file."""
    new = file.with_name(f"{file.name}.{os.getpid()}")
    text = json.dumps({"held": list(known.held.values()), "unlocked": known.unlocked}).encode()
    with contextlib.suppress(OSError):
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            written = os.write(handle, text)
        finally:
            os.close(handle)
        if written == len(text):  # or the disk is full, and the old file is better
            os.replace(new, file)
