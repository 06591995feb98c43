"""A broken file is kept under a name with the time, for whoever wants to know what happened, and never used again."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import NamedTuple

from gateway.state.lmdb.soundness import saved

KEPT = 3
"""Broken files that are kept; the oldest go first."""


class SetAside(NamedTuple):
    """What was wrong with the file at ``path``, what it is called now, and what could be read of it."""

    path: Path
    error: str
    kept_as: str
    records: dict[bytes, bytes]


def set_aside(directory: Path, error: str, now: float) -> SetAside:
    """Renames the file in ``directory`` and removes LMDB's lock file. To be called by one process at a time. Raises
    OSError."""
    path = directory / "data.mdb"
    try:
        records = saved(path)
    except OSError:
        records = {}  # not a file, or one that cannot be read
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    name = next(one for one in _names(f"{path.name}.broken-{stamp}") if not (directory / one).exists())
    os.rename(path, directory / name)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(directory / "lock.mdb")
    for old in sorted(directory.glob("data.mdb.broken-*"))[:-KEPT]:
        with contextlib.suppress(OSError):
            old.unlink()
    return SetAside(path, error, name, records)


def _names(name: str) -> list[str]:
    return [name, *(f"{name}-{number}" for number in range(2, 10)), f"{name}-{os.getpid()}"]
