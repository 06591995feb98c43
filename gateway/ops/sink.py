"""The sink of log lines: a thread writes them to a file descriptor, so that no request ever waits for a disk."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import threading
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
BACKLOG = 10_000  # lines, or pairs of them, some 4 to 6 MiB: with more waiting nobody reads, and new lines are dropped


class Sink:
    """Lines for one file descriptor, which is written to but never closed here.

    ``write`` never blocks and never raises. A reader that is gone, a full disk or a reader that is too slow costs
    lines, which ``dropped`` counts. ``lock`` is a file that all processes which share the descriptor lock around a
    write, because a pipe may mix writes of more than PIPE_BUF bytes (POSIX write(2)). ``delay`` in seconds, ``backlog``
    in lines.
    """

    def __init__(self, fd: int, lock: Path | None = None, delay: float = DELAY, backlog: int = BACKLOG) -> None:
        self.dropped = 0
        self.gap_line: Callable[[int], bytes] | None = None
        """Makes the line with the number of lines that are missing before it."""
        self._fd = fd
        self._lock = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600) if lock else -1
        self._delay = delay
        self._backlog = backlog
        self._many = min(MANY, backlog // 2)
        self._lines: deque[bytes] = deque()  # no lock: append and popleft are atomic
        self._reported = 0  # dropped lines that a gap line has counted
        self._shortage: Shortage | None = None
        self._torn = False  # the last write stopped inside a line
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
        left = waiting
        try:
            if self._lock >= 0:
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            while left:
                size = min(left, SLICE)
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

    def _put_slice(self, size: int) -> int:
        """Write ``size`` lines; how many of them are lost."""
        missing = self.dropped - self._reported
        sent, data = 0, memoryview(b"")
        try:
            lines = [self._lines.popleft() for _ in range(size)]
            if missing and self.gap_line is not None:
                lines.insert(0, self.gap_line(missing))
            data = memoryview((b"\n" if self._torn else b"") + b"\n".join(lines) + b"\n")
            del lines  # they are freed while the next ones are written, and not held until then
            while sent < len(data):
                sent += self._some(data[sent:])
        except MemoryError:  # which must not end the thread
            self._shortage = Shortage.MEMORY
            return size
        except OSError as error:
            self._shortage = shortage_of(error)
            self._torn = sent > 0 and data[sent - 1] != 10
            return bytes(data[sent:]).count(b"\n") if sent else size
        self._torn = False
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
