"""The directory of one run: what its processes share while they live."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "run-"
_ALIVE = "alive"
_LOG_LOCK = "log.lock"


class RunDirectory:
    """A new private directory under ``parent``, which is made where missing. Raises OSError.

    Every process of the run holds a shared lock on the file ``alive`` in it; a directory without such a process is left
    over from a run that was killed, and is removed.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in parent.glob(_PREFIX + "*"):
            _remove_if_dead(old)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent)).resolve()
        self._alive = os.open(self.path / _ALIVE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._alive, fcntl.LOCK_SH)

    def remove(self) -> None:
        """To be called when all processes of the run are gone."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._alive)


def hold(directory: Path) -> int:
    """Keep the directory of a run for as long as this process lives, whatever becomes of the supervisor. Returns the
    file descriptor that holds it. One that was removed is made again: a worker that is replaced needs it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    alive = os.open(directory / _ALIVE, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(alive, fcntl.LOCK_SH)
    return alive


def log_lock(directory: Path) -> Path:
    """The file that all processes of a run lock to write to the log (``ops.sink.Sink``)."""
    return directory / _LOG_LOCK


def _remove_if_dead(directory: Path) -> None:
    with contextlib.suppress(OSError):
        try:
            alive = os.open(directory / _ALIVE, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # another run is just making it; if it died there, an empty directory is no harm
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory, ignore_errors=True)
        finally:
            os.close(alive)
