"""The monotonic clock of all workers of a host, kept in the state's file over restarts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from struct import Struct

import lmdb

from gateway.state.lmdb.clean_shutdown import this_boot
from gateway.state.lmdb.memory import MemoryTransaction
from gateway.state.lmdb.names import BOOT, CLOCK
from gateway.state.rules.monotonic import BootClock, MonotonicWallClock, boot_clock

_CLOCK = Struct("<dd")
_BOOT = Struct("<36sddd")
_STEP = 0.25  # seconds between two writes of the clock that goes by the wall
_NOTE = 60.0  # seconds between two writes of the one that does not

Transaction = lmdb.Transaction | MemoryTransaction

since_boot: Callable[[], float] | None = (
    partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else None
)
"""Seconds since the machine started, sleep included; None where the system does not count them (not Linux)."""


class FileClock:
    """Goes by ``elapsed``, seconds since the machine was started for the time named ``boot``; without it by the moments
    that are handed in, as far as they do not step back."""

    def __init__(self, elapsed: Callable[[], float] | None, boot: str | None = None) -> None:
        self._elapsed = elapsed
        self._boot = (boot or this_boot()).encode()[:36].ljust(36)
        self._clock: BootClock | None = None

    def open(self, txn: Transaction, now: float) -> None:
        """Takes up the clock of the file at ``now`` by the wall clock, and writes down what is missing. A file that was
        begun anew has the locks of the one before, so it gets the clock that this process had for that."""
        if txn.get(CLOCK) is None:
            txn.put(CLOCK, _CLOCK.pack(*MonotonicWallClock()))
        value = txn.get(BOOT)
        if self._elapsed is not None:
            self._clock = boot_clock(
                _boot_clock(value) or self._clock, _wall_clock(txn), self._boot, self._elapsed(), now
            )
            txn.put(BOOT, _BOOT.pack(*self._clock))
        elif value is None:
            txn.put(BOOT, b"")

    def ahead(self, txn: Transaction, now: float, keep: bool = True) -> float:
        """How many seconds the clock is ahead of this worker's ``now``. ``keep``: written down from time to time."""
        clock = self._clock
        if clock is not None and self._elapsed is not None:
            moment = clock.moment(self._elapsed())
            if keep and moment > clock.latest + _NOTE:
                self._clock = clock.noted(self._elapsed(), now)
                txn.put(BOOT, _BOOT.pack(*self._clock))
            return moment - now
        before = _wall_clock(txn)
        after = before.advanced(now)
        if keep and (after.ahead != before.ahead or after.latest > before.latest + _STEP):
            txn.put(CLOCK, _CLOCK.pack(*after))
        return after.ahead

    def steady(self, now: float) -> float:
        """``now`` by this clock, where it goes by the time since the machine started; else as it is."""
        if self._clock is None or self._elapsed is None:
            return now
        return self._clock.moment(self._elapsed())


def _boot_clock(value: bytes | memoryview | None) -> BootClock | None:
    """The clock that was written down; None where there is none that can be."""
    if value is None or len(value) != _BOOT.size:
        return None
    clock = BootClock(*_BOOT.unpack(value))
    return clock if all(map(math.isfinite, clock[1:])) else None


def _wall_clock(txn: Transaction) -> MonotonicWallClock:
    value = txn.get(CLOCK)
    return MonotonicWallClock(*_CLOCK.unpack(value)) if value is not None else MonotonicWallClock()
