"""The lock around write transactions, which waits for a while and no longer.

LMDB has a lock of its own, in shared memory, for which a process waits without end. A holder that dies gives it back, one
that is stopped (SIGSTOP, a debugger, a frozen container) does not, and every other process of the host would stand still
with it. So a lock that can be tried is taken first (flock, which the kernel gives back when its holder dies), and LMDB's
own is looked at before LMDB waits for it: a process of an earlier version may hold that one alone.

Whoever gives the lock up counts by itself, so a limit holds once a worker from then on. On a machine with more to do than
it can, a holder may get no processor for longer than one that is well ever needs the lock. Linux tells the two apart: the
first one is runnable, the second one is stopped.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

STILL = 0.1
"""Seconds after which a lock is given up when its holder commits nothing and does not wait for a processor."""

LONGEST = 1.0
"""Seconds after which it is given up whatever others commit."""

TRIES = 200
"""Tries without which it is not given up: a process that had no processor itself knows nothing of the others (a machine
that was suspended, a group of processes that has used up its share)."""

_PAUSE = 0.00005  # seconds between two tries; a transaction takes as long
_HOLDER = 0x3FFFFFFF  # the bits of a robust mutex that are its holder's thread (futex(2), FUTEX_TID_MASK)
_FREE: Sequence[int] = (0,)
_PROC = Path("/proc")
_LOCKS = _PROC / "locks"
_LOOK = 0.01  # seconds between two looks at a holder that has been waiting for a processor


def is_runnable(process: int, proc: Path = _PROC) -> bool:
    """Whether ``process`` runs or waits for a processor (proc(5), ``R``). False where the system does not say (not
    Linux)."""
    try:
        return (proc / f"{process}/stat").read_bytes().rpartition(b") ")[2].startswith(b"R")
    except OSError:
        return False


class WriteLock:
    """The lock file ``path`` (0600, made where missing). Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.take: Callable[[], object] = partial(fcntl.flock, self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        """Takes the lock; raises BlockingIOError while another process has it."""
        self.release: Callable[[], object] = partial(fcntl.flock, self._file, fcntl.LOCK_UN)

    def is_current(self) -> bool:
        """Whether another process would take the same lock."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._file))
        except OSError:
            return False

    def take_if(self, free: Callable[[], bool]) -> bool:
        """Takes the lock if nobody has it and it is ``free`` too; returns whether it was."""
        try:
            self.take()
        except BlockingIOError:
            return False
        if not free():
            self.release()
            return False
        return True

    def wait(self, progress: Callable[[], int], thread: Callable[[], int] = lambda: 0) -> bool:
        """Takes the lock as soon as LMDB's is free too, which ``thread`` has (0 when it is free). False: its holder seems
        to stand still. ``progress`` gives another number after every commit."""
        began = since = time.monotonic()
        seen = progress()
        tries = 0
        while not self.take_if(lambda: not thread()):
            now = time.monotonic()
            commits = progress()
            if commits != seen:
                seen, since = commits, now
            tries += 1
            if tries >= TRIES and (now - began >= LONGEST or now - since >= STILL):
                holder = self.holder() or thread()
                if not holder and self.take_if(lambda: not thread()):
                    return True  # given back since the last try
                if now - began >= LONGEST or not is_runnable(holder):
                    return False
                since = now - STILL + _LOOK
            time.sleep(_PAUSE)
        return True

    def holder(self) -> int:
        """The process that has the lock, 0 when nobody has it or the system does not say (proc(5), ``locks``)."""
        number = b":%d" % os.fstat(self._file).st_ino
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in _LOCKS.read_bytes().splitlines():
                columns = line.split()
                if columns[1] == b"FLOCK" and columns[5].endswith(number):
                    return int(columns[4])
        return 0

    def close(self) -> None:
        """Gives the lock back if this process has it."""
        os.close(self._file)


class MutexView:
    """Looks at the lock that LMDB keeps in its ``lock.mdb``. To be made while this thread holds it: where it is kept is
    found by what it then holds, since that differs from system to system. Where it is not found nothing is seen.

    To be closed after LMDB's environment: closing any descriptor of the file gives LMDB's own locks on it back (fcntl(2)).
    """

    def __init__(self, file: Path) -> None:
        self._handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        self._map = mmap.mmap(self._handle, 0, access=mmap.ACCESS_READ)
        self._words = memoryview(self._map)[: len(self._map) // 4 * 4].cast("I")
        own = threading.get_native_id()
        index = next((at for at in range(64) if self._words[at] & _HOLDER == own == self._words[at + 2]), None)
        self.holder: Sequence[int] = _FREE if index is None else self._words[index : index + 1]
        """One number, which is 0 while nobody has the lock."""

    def thread(self) -> int:
        """The thread that has the lock, 0 when LMDB would get it at once. One that died leaves a number of no thread."""
        return self.holder[0] & _HOLDER

    def free(self) -> bool:
        """Whether LMDB would get the lock at once."""
        return not self.thread()

    def close(self) -> None:
        """Gives the file back."""
        if isinstance(self.holder, memoryview):
            self.holder.release()
        self._words.release()
        self._map.close()
        os.close(self._handle)
