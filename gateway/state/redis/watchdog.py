"""How long a worker waits for Redis before it goes on without: looks at the wire are counted, not time.

A worker that is busy, or that the machine does not let run, finds out late what came long ago. It must not take that
for the silence of a Redis that is well: it would count by itself, and more would get through than a limit says. So the
time is cut into looks, between two of which the event loop has read everything there was. Eight looks in which nothing
came from Redis at all, for this round trip or for another, are silence. On a loop that has nothing else to do they take
as long as the time that was set. Where more processes want to run than the machine has room for, silence says nothing
about a Redis that may stand beside them and wait for its turn; then five times as many looks decide.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

LOOKS = 8
"""Looks in a row without any answer after which Redis is taken for hung."""

MOST = 5 * LOOKS
"""Looks after which a round trip is given up whatever there is to excuse it."""

LOAD = Path("/proc/loadavg")
_CORES = os.cpu_count() or 1


def crowded(load: Path = LOAD) -> bool:
    """Whether at this moment twice as many threads want to run as there are cores. False where nothing tells (not
    Linux)."""
    try:
        return int(load.read_bytes().split()[3].partition(b"/")[0]) > 2 * _CORES
    except (OSError, IndexError, ValueError):
        return False


class Wait:
    """One round trip that is waited for. ``silent`` looks since anything was answered, ``looks`` in all."""

    __slots__ = ("give_up", "looks", "silent")

    def __init__(self, give_up: Callable[[], None]) -> None:
        self.give_up = give_up
        self.looks = self.silent = 0


class ReplyWatchdog:
    """All that is waited for on one event loop. ``timeout``: seconds of silence that are borne; ``excused`` says whether
    the machine is to blame for it."""

    def __init__(self, timeout: float, excused: Callable[[], bool] = crowded) -> None:
        self._excused = excused
        self._pause = timeout / LOOKS
        self._waits: dict[Wait, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, give_up: Callable[[], None]) -> Wait:
        """Waits from now on, until ``end``; ``give_up`` is called at most once, when it has been too long."""
        wait = Wait(give_up)
        self._waits[wait] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._tick)
        return wait

    def end(self, wait: Wait, answered: bool) -> None:
        """Nothing more to wait for; ``answered`` by Redis, which is a sign of life for all."""
        self._waits.pop(wait, None)
        if answered:
            for other in self._waits:
                other.silent = 0

    def look(self) -> None:
        """The loop has been round once more and has read what there was."""
        for wait in list(self._waits):
            wait.looks += 1
            wait.silent += 1
            if wait.looks >= MOST or (wait.silent >= LOOKS and not self._excused()):
                self._waits.pop(wait, None)
                wait.give_up()

    def _tick(self) -> None:
        self._timer = None
        self.look()
        if self._waits:
            # Only now, so that a loop that is late does not look twice at what it has not read.
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._tick)

    def close(self) -> None:
        """No timer stays behind."""
        if self._timer is not None:
            self._timer.cancel()
