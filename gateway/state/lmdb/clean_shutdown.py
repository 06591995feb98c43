"""The processes that use a state directory, and whether its file can be trusted.

The embedded store writes without waiting for the disk. A process that dies loses nothing, since the kernel holds its
pages; a machine that dies may leave pages on disk in any order, and such a file can be corrupt. So a file
beside it names the boot of the machine in which it was last written, and is emptied by the last process that closes it in
good order. Written in an earlier boot and not closed: the records are given up and the store begins anew.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def this_boot() -> str:
    """A name for the time since the machine started; the same for ever where the system has none (not Linux)."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return "unknown"


class CleanShutdownMarker:
    """This process's share in ``directory``. Raises OSError when its file cannot be made or locked.

    ``forget`` is called when the records cannot be trusted, while no other process uses them. ``boot`` names the time since
    the machine started.
    """

    def __init__(self, directory: Path, forget: Callable[[], None], boot: str | None = None) -> None:
        self.forgot = False
        self.alone = False
        """Whether no other process used the directory when this one came."""
        boot = boot or this_boot()
        self._file = os.open(directory / "claim", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if self._alone():
                self.alone = True
                written_in = os.pread(self._file, 200, 0).decode("ascii", "replace")
                if written_in not in ("", boot):
                    forget()
                    self.forgot = True
                self._write(boot)
            # Other processes use the file, or did a moment ago: they have judged it already.
            fcntl.flock(self._file, fcntl.LOCK_SH)
        except BaseException:
            self.abandon()
            raise

    def _alone(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _write(self, text: str) -> None:
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, text.encode("ascii"), 0)
        os.fsync(self._file)

    def release(self, sync: Callable[[], None]) -> None:
        """Leaves. The last process calls ``sync``, which brings the records to disk, and marks the shutdown as clean."""
        try:
            if self._alone():
                sync()
                self._write("")
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Leaves the mark as it is, for the next process to judge by."""
        os.close(self._file)
