"""The file in which a gateway keeps the locks of the other replicas for a start without Redis."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from gateway.state.redis.lockouts import KnownLock, LockSnapshot


def read(file: Path) -> LockSnapshot:
    """What was kept; nothing when the file is missing or damaged."""
    try:
        kept = json.loads(file.read_bytes())
        held = [KnownLock(*one) for one in kept["held"]]
        return LockSnapshot("", {one.name: one for one in held}, dict(kept["unlocked"]))
    except (OSError, ValueError, KeyError, TypeError):
        return LockSnapshot()


def write(file: Path, snapshot: LockSnapshot) -> None:
    """Replaces the file as a whole, readable by its owner. A disk that does not take it costs only the file."""
    new = file.with_name(f"{file.name}.{os.getpid()}")
    text = json.dumps({"held": list(snapshot.held.values()), "unlocked": snapshot.unlocked}).encode()
    with contextlib.suppress(OSError):
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            written = os.write(handle, text)
        finally:
            os.close(handle)
        if written == len(text):  # or the disk is full, and the old file is better
            os.replace(new, file)
