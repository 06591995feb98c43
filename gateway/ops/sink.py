"""Where log lines go: a buffer that a thread empties into a file descriptor, so that no request ever waits for a disk."""

from __future__ import annotations

import fcntl
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

# Lines: written at once when so many have gathered. To wake the thread costs the loop, which has to let it in: 40 times a
# second it was 2 % of all processor time.
MANY = 4096
DELAY = 0.2  # seconds: the longest a line waits
BACKLOG = 10_000  # lines, or pairs of them, some 4 to 6 MiB: more than this waiting means nobody reads, and new lines are dropped


class Sink:
    """Lines for one file descriptor, which is written to but never closed here.

    ``write`` never blocks and never raises. A reader that is gone, a full disk or a reader that is too slow costs
    lines, which ``dropped`` counts. ``turn`` is a file on which all processes that share the descriptor take turns,
    because a pipe may tear writes of more than PIPE_BUF bytes apart (POSIX write(2)).
    """

    def __init__(self, fd: int, turn: Path | None = None, delay: float = DELAY, backlog: int = BACKLOG) -> None:
        self.dropped = 0
        self.gap: Callable[[int], bytes] | None = None  # makes the line that tells how many lines are missing
        self._fd = fd
        self._turn = os.open(turn, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600) if turn else -1
        self._delay = delay
        self._backlog = backlog
        self._many = min(MANY, backlog // 2)
        self._lines: deque[bytes] = deque()  # no lock: append and popleft are atomic
        self._told = 0  # dropped lines that a gap line has told about
        self._torn = False  # the last write stopped inside a line
        self._awake = False
        self._first = threading.Event()
        self._full = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def write(self, line: bytes) -> None:
        """Queue one line, given without its newline, or a few with newlines between them."""
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
            # A daemon, so that a reader that never reads cannot keep the process from ending.
            self._thread = threading.Thread(target=self._run, name="log", daemon=True)
            self._thread.start()
        self._first.set()

    def flush(self) -> None:
        """Have what is queued written now; returns at once."""
        self._full.set()

    def close(self, timeout: float = 1.0) -> None:
        """Write what is queued, waiting ``timeout`` seconds at most. Later lines are dropped."""
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
            self._awake = False  # after the clear: whoever finds it false sets _first again
            waiting = len(self._lines)
            if waiting:  # no name for the lines here: it would keep them until the next ones come
                self._put([self._lines.popleft() for _ in range(waiting)])
            if last:
                return

    def _put(self, lines: list[bytes]) -> None:
        missing = self.dropped - self._told
        if missing and self.gap is not None:
            lines.insert(0, self.gap(missing))
        data = memoryview((b"\n" if self._torn else b"") + b"\n".join(lines) + b"\n")
        sent = 0
        if self._turn >= 0:
            fcntl.flock(self._turn, fcntl.LOCK_EX)
        try:
            while sent < len(data):
                sent += self._some(data[sent:])
            self._torn = False
            self._told += missing
        except OSError:
            self._torn = sent > 0 and data[sent - 1] != 10
            self.dropped += bytes(data[sent:]).count(b"\n")
        finally:
            if self._turn >= 0:
                fcntl.flock(self._turn, fcntl.LOCK_UN)

    def _some(self, data: memoryview) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            # Whoever started us made the descriptor non-blocking: wait here, where only lines wait.
            if not select.select([], [self._fd], [], 1.0)[1]:
                raise
            return 0
