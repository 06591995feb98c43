"""The sink of log lines: a thread writes them to a file descriptor, so that no request ever waits for a disk."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from gateway.core.shortage import Shortage, shortage_of

# Lines: written at once when so many wait. Each time the thread wakes, it takes the interpreter lock from the event loop:
# 40 times a second that was 2 % of all processor time.
MANY = 4096
SLICE = 128
"""Lines put together in one go, some 50 KB. That takes 20 us, in which the event loop cannot run; then it can, while they are
written. All 4,096 at once kept it waiting for 3 ms."""
DELAY = 0.2  # seconds: the longest a line waits
STUCK = 1.0  # seconds without any reading after which the lines of a write are dropped
STOPPED = 2.0
"""Seconds for which another process may have the lock while the descriptor takes bytes. It does not write then, since it is
stopped (SIGSTOP, a debugger, a frozen group), and must not silence the others."""
TRY = 0.005  # seconds between two tries to get the lock
BACKLOG = 10_000  # lines, or pairs of them, some 4 to 6 MiB: with more waiting nobody reads, and new lines are dropped


class Sink:
    """Lines for one file descriptor, which is written to but never closed here.

    ``write`` never blocks and never raises. A reader that is gone, a full disk or a reader that is too slow costs
    lines, which ``dropped`` counts. ``lock`` is a file that all processes which share the descriptor lock around a
    write, because a pipe may mix writes of more than PIPE_BUF bytes (POSIX write(2)). Its first byte says whether the last
    write has stopped inside a line, also that of a process which was killed: the next one begins a new line. ``delay`` in
    seconds, ``backlog`` in lines.
    """

    def __init__(self, fd: int, lock: Path | None = None, delay: float = DELAY, backlog: int = BACKLOG) -> None:
        self.dropped = 0
        self.gap_line: Callable[[int], bytes] | None = None
        """Makes the line with the number of lines that are missing before it."""
        self._fd = fd
        self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) if lock else -1
        self._torn = _shared_byte(self._lock) if lock else bytearray(1)
        self._delay = delay
        self._backlog = backlog
        self._many = min(MANY, backlog // 2)
        self._lines: deque[bytes] = deque()  # no lock: append and popleft are atomic
        self._reported = 0  # dropped lines that a gap line has counted
        self._shortage: Shortage | None = None
        self._awake = False
        self._first = threading.Event()
        self._full = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def write(self, line: bytes) -> None:
        """Queue one line without its newline, or several with newlines between them."""
        lines = self._lines
        waiting = len(lines)
        if waiting >= self._backlog or self._closing:
            self.dropped += 1 + line.count(b"\n")
            return
        lines.append(line)
        if not self._awake:
            self._awake = True
            self._start()
        elif waiting == self._many:
            self._full.set()

    def _start(self) -> None:
        if self._thread is None:
            # A daemon, so that a reader which never reads cannot keep the process alive.
            thread = threading.Thread(target=self._run, name="log", daemon=True)
            try:
                thread.start()
            except (RuntimeError, MemoryError) as error:  # the lines wait for the next one, which tries again
                self._shortage = shortage_of(error)
                self._awake = False
                return
            self._thread = thread
        self._first.set()

    def take_shortage(self) -> Shortage | None:
        """What the gateway has run out of, when that has cost lines since the last call of this."""
        short, self._shortage = self._shortage, None
        return short

    def flush(self) -> None:
        """Have the queued lines written now; returns at once."""
        self._full.set()

    def close(self, timeout: float = 1.0) -> None:
        """Write the queued lines, waiting ``timeout`` seconds at most. Later lines are dropped."""
        self._closing = True
        self._first.set()
        self._full.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            self._first.wait()
            self._full.wait(self._delay)
            self._full.clear()
            last = self._closing
            self._first.clear()
            self._awake = False  # after the clear: a writer that finds it false sets _first again
            waiting = len(self._lines)
            if waiting:
                self._put(waiting)
            if last:
                return

    def _put(self, waiting: int) -> None:
        """Write so many lines, a slice at a time. When one cannot be written, all that are left are dropped: each would have
        to wait as long."""
        left, most = waiting, SLICE
        try:
            if self._lock >= 0 and not self._take_lock():
                most = 1  # what fits into PIPE_BUF is written whole without a lock
            while left:
                size = min(left, most)
                left -= size
                lost = self._put_slice(size)
                if lost:
                    self.dropped += lost
                    break
        except OSError as error:  # the lock
            self._shortage = shortage_of(error)
        finally:
            if self._lock >= 0:
                with contextlib.suppress(OSError):
                    fcntl.flock(self._lock, fcntl.LOCK_UN)
        for _ in range(left):
            self._lines.popleft()
        self.dropped += left

    def _take_lock(self) -> bool:
        """Wait for the lock. False: whoever has it is stopped. One that only waits for the reader is waited for, too."""
        until = time.monotonic() + STOPPED
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if not select.select([], [self._fd], [], 0)[1]:
                    until = time.monotonic() + STOPPED
                elif time.monotonic() >= until:
                    return False
            time.sleep(TRY)

    def _put_slice(self, size: int) -> int:
        """Write ``size`` lines; how many of them are lost."""
        missing = self.dropped - self._reported
        sent, data = 0, memoryview(b"")
        torn = self._torn[0]
        try:
            lines = [self._lines.popleft() for _ in range(size)]
            if missing and self.gap_line is not None:
                lines.insert(0, self.gap_line(missing))
            data = memoryview((b"\n" if torn else b"") + b"\n".join(lines) + b"\n")
            del lines  # they are freed while the next ones are written, and not held until then
            self._torn[0] = 1
            while sent < len(data):
                sent += self._some(data[sent:])
        except MemoryError:  # which must not end the thread
            self._shortage = Shortage.MEMORY
            return size
        except OSError as error:
            self._shortage = shortage_of(error)
            self._torn[0] = data[sent - 1] != 10 if sent else torn
            return bytes(data[sent:]).count(b"\n") if sent else size
        self._torn[0] = 0
        self._reported += missing
        return 0

    def _some(self, data: memoryview) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            # The parent process made the descriptor non-blocking: wait here, where only lines wait.
            if not select.select([], [self._fd], [], STUCK)[1]:
                raise
            return 0


def _shared_byte(file: int) -> mmap.mmap | bytearray:
    """The first byte of ``file``, which all processes that have it open read and write; where it has no room for one, a byte
    of this process."""
    try:
        if os.fstat(file).st_size == 0:
            os.pwrite(
                file, b"\0", 0
            )  # and no hole: a page without room on the disk would end the process when it is written
        return mmap.mmap(file, 1)
    except (OSError, ValueError):
        return bytearray(1)
