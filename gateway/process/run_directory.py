"""The folder of one run: the figures of its processes and the file on which they take turns to write."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "run-"


class RunFolder:
    """A new private folder under ``parent``, which is made where missing. Raises OSError.

    Every process of the run holds a shared lock on the file ``alive`` in it; folders that nobody holds are left over
    from a run that was killed, and go.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in parent.glob(_PREFIX + "*"):
            _remove_if_dead(old)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent)).resolve()
        self._alive = os.open(self.path / "alive", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._alive, fcntl.LOCK_SH)
        self.figures = self.path / "figures"
        self.figures.mkdir(mode=0o700)
        self.turn = self.path / "turn"

    def remove(self) -> None:
        """To be called when all processes of the run are gone."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._alive)


def _remove_if_dead(folder: Path) -> None:
    with contextlib.suppress(OSError):
        try:
            alive = os.open(folder / "alive", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # another run is just making it; if it died there, an empty folder is no harm
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(alive)
