"""The shortages of one process: which last, and how often the log has a line about one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypedDict

from gateway.core.shortage import Shortage
from gateway.ops.plain import rfc3339

LASTS = 10.0  # seconds after which a shortage that was not met again is over
QUIET = 10.0  # seconds between two events about one kind


class ShortageStatus(TypedDict):
    """A shortage as health shows it: what is short, where that was met last, since when, and how often by now."""

    kind: str
    where: str
    since: str
    times: int


class _Met:
    __slots__ = ("last", "reported", "reported_times", "since", "times", "where")

    def __init__(self, since: float) -> None:
        self.since = since  # Unix seconds
        self.last = self.reported = 0.0  # the clock's seconds
        self.times = self.reported_times = 0
        self.where = ""


class Shortages:
    """Remembers one entry a kind. ``clock`` gives seconds that never go back, ``wall`` Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._wall = wall
        self._met: dict[Shortage, _Met] = {}

    def note(self, kind: Shortage, where: str) -> int:
        """``kind`` was short at ``where``. Returns how often it was since the last event about it, 0 when another event
        would be too soon."""
        now = self._clock()
        met = self._met.get(kind)
        if met is None or now - met.last >= LASTS:
            met = self._met[kind] = _Met(self._wall())
            met.reported = now - QUIET
        met.last, met.where = now, where
        met.times += 1
        if now - met.reported < QUIET:
            return 0
        met.reported = now
        times, met.reported_times = met.times - met.reported_times, met.times
        return times

    def lasting(self) -> list[ShortageStatus]:
        """Those that were met within the last ``LASTS`` seconds."""
        now = self._clock()
        return [
            {"kind": kind, "where": met.where, "since": rfc3339(met.since), "times": met.times}
            for kind, met in self._met.items()
            if now - met.last < LASTS
        ]


def merged_shortages(each: Sequence[Sequence[ShortageStatus]]) -> list[ShortageStatus]:
    """The shortages of several processes, one a kind: since the first of them, and how often in all."""
    kinds: dict[str, ShortageStatus] = {}
    for one in (one for listed in each for one in listed):
        before = kinds.get(one["kind"], one)
        times = one["times"] if before is one else before["times"] + one["times"]
        kinds[one["kind"]] = {**one, "since": min(before["since"], one["since"]), "times": times}
    return list(kinds.values())
