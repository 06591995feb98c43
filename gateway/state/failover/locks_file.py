"""The file in which a gateway keeps the locks of the other replicas for a start without Redis."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from gateway.state.redis.lockouts import KnownLock, LockSnapshot
from gateway.state.redis.pipeline import finite

_MOST_BYTES = 16 * 1024 * 1024


def read(file: Path) -> LockSnapshot:
    """What was kept; nothing when the file is missing or damaged."""
    try:
        kept = json.loads(_content(file))
        held = [_lock(*one) for one in kept["held"]]
        unlocked = {str(name): finite(when) for name, when in kept["unlocked"].items()}
        return LockSnapshot("", {one.name: one for one in held}, unlocked)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return LockSnapshot()


def _content(file: Path) -> bytes:
    """Raises OSError. A FIFO has none, and nobody waits for it."""
    with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
        return opened.read(_MOST_BYTES)


def _lock(member: str, level: int, since: float, until: float, failures: int, forget_at: float) -> KnownLock:
    return KnownLock(str(member), int(level), finite(since), finite(until), int(failures), finite(forget_at))


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
