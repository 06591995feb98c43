"""How long a worker waits for Redis before it goes on without: checks of the wire are counted, not time.

A worker that is busy, or that the machine does not let run, reads late what came long ago. It must not take that for the
silence of a Redis that is well: it would count by itself, and more would get through than a limit says. So the time is
cut into checks, between two of which the event loop has read everything there was. Eight checks in which nothing came
from Redis at all, for this round trip or for another, are silence. On an idle loop they take as long as the timeout.
Where more processes want to run than the machine has cores for, silence says nothing about a Redis that may be one of
them; then five times as many checks decide.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

CHECKS = 8
"""Checks in a row without any reply after which Redis is taken for hung."""

MOST = 5 * CHECKS
"""Checks after which a round trip is given up whatever the excuse."""

LOAD = Path("/proc/loadavg")
_CORES = os.cpu_count() or 1


def crowded(load: Path = LOAD) -> bool:
    """Whether at this moment twice as many threads want to run as there are cores. False where the system does not say
    (not Linux)."""
    try:
        return int(load.read_bytes().split()[3].partition(b"/")[0]) > 2 * _CORES
    except (OSError, IndexError, ValueError):
        return False


class Wait:
    """One round trip under way: ``silent`` checks since any reply, ``checks`` in all."""

    __slots__ = ("checks", "give_up", "silent")

    def __init__(self, give_up: Callable[[], None]) -> None:
        self.give_up = give_up
        self.checks = self.silent = 0


class ReplyWatchdog:
    """All round trips under way on one event loop. ``timeout``: seconds of silence after which one is given up;
    ``excused`` says whether the machine is to blame for the silence."""

    def __init__(self, timeout: float, excused: Callable[[], bool] = crowded) -> None:
        self._excused = excused
        self._pause = timeout / CHECKS
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
        """The round trip is over; ``answered`` by Redis, which is a sign of life for all."""
        self._waits.pop(wait, None)
        if answered:
            for other in self._waits:
                other.silent = 0

    def check(self) -> None:
        """The loop has gone through one more iteration and has read what there was."""
        for wait in list(self._waits):
            wait.checks += 1
            wait.silent += 1
            if wait.checks >= MOST or (wait.silent >= CHECKS and not self._excused()):
                self._waits.pop(wait, None)
                wait.give_up()

    def _tick(self) -> None:
        self._timer = None
        self.check()
        if self._waits:
            # Only now, so that a loop that is late does not check twice what it has not read.
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._tick)

    def close(self) -> None:
        """Cancels the timer."""
        if self._timer is not None:
            self._timer.cancel()
