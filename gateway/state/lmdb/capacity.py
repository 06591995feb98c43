"""How full the file is: expired records are swept, and a file that is too full takes no records of new keys.

A full store degrades by rule: keys that it knows go on as before; for a new key it sweeps, and refuses when that makes
no room. Failing open would let anybody who can fill the store switch the sign-in limits off.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import lmdb

from gateway.state.lmdb.clock import Transaction
from gateway.state.lmdb.file import StateFile
from gateway.state.lmdb.names import BY_MONOTONIC_CLOCK, LIMIT, UNPACK_EXPIRY
from gateway.state.rules.gcra import ticks
from gateway.state.store import Stats

HOLD = 256
"""Records looked at in one transaction: the other workers wait for it, some 100 microseconds."""

_USABLE = 0.85  # share of the file that records may fill; LMDB needs free pages even to delete
_SPARE = 32 * 4096  # bytes that stay free in a small file too: what a transaction frees only the one after next can use
_INTERVAL = 128  # new records between two measurements

T = TypeVar("T")


class Capacity:
    """The room in ``file``, as this process knows it."""

    def __init__(self, file: StateFile) -> None:
        self._file = file
        self._position = b""  # where the sweep goes on
        self._added = 0  # since the last measurement
        self.tight = False
        """Whether records of new keys are refused."""
        self.refused_full = 0
        """Calls refused for want of room."""

    def write(self, work: Callable[[Transaction], T]) -> T | None:
        """What ``work`` gives in a transaction of its own, which is then committed; None when there is no room. Where the
        file fails it is done again, in memory."""
        while True:
            txn = self._file.begin()
            try:
                done = work(txn)
                self._file.commit(txn)
            except BaseException as error:
                if self.abort(txn, error):
                    continue
                return None
            return done

    def abort(self, txn: Transaction, error: BaseException) -> bool:
        """Ends a transaction that failed with ``error``. True: the file has failed, and another transaction will be one of
        the memory. False: there is no room. Raises any other error."""
        with contextlib.suppress(lmdb.Error):  # of a file that fails, which is what ``error`` says
            self._file.abort(txn)
        if isinstance(error, lmdb.MapFullError):
            self.tight = True
            return False
        if not self._file.fails(error):
            raise error
        self.reset()
        return True

    def reset(self) -> None:
        """The records are elsewhere now: forgets what is known of the room."""
        self._position = b""
        self._added = 0
        self.tight = False

    def added(self, records: int, now: float) -> None:
        """So many records of new keys were committed."""
        self._added += records
        if self._added >= _INTERVAL:
            # Looking at more records than were added keeps up with any number of strangers.
            self.sweep(now, 2 * self._added)
            self._measure()

    def make_room(self, now: float) -> None:
        """Sweeps once, and finds out whether that was enough."""
        self.sweep(now, HOLD)
        self._measure()

    def _measure(self) -> None:
        _, used, size = self._file.usage()
        self._added = 0
        self.tight = used > min(size * _USABLE, size - _SPARE)

    def sweep(self, now: float, budget: int) -> int:
        """See ``StoreMaintenance.sweep``. Holds the other workers up for 100 microseconds at a time."""
        gone, hold = 0, HOLD
        while budget > 0 and hold:
            swept = self.write(partial(self._sweep_some, now=now, budget=min(budget, hold)))
            if swept is None:
                hold //= 4  # even removing takes free pages; fewer records touch fewer
                continue
            removed, looked = swept
            gone += removed
            budget -= looked
            if not self._position:
                break
        return gone

    def _sweep_some(self, txn: Transaction, now: float, budget: int) -> tuple[int, int]:
        """How many records were removed, and how many were looked at."""
        gone = looked = 0
        # A file without room needs its last pages for removing, not for writing the time down.
        moment, monotonic = ticks(now), ticks(now + self._file.clock.ahead(txn, now, keep=not self.tight))
        cursor = txn.cursor()
        cursor.set_range(self._position or LIMIT)
        while looked < budget and (name := cursor.key()):
            looked += 1
            if UNPACK_EXPIRY(cursor.value())[0] <= (monotonic if name[:1] in BY_MONOTONIC_CLOCK else moment):
                cursor.delete()
                gone += 1
            else:
                cursor.next()
        self._position = bytes(cursor.key())  # empty behind the last record
        cursor.close()
        return gone, looked

    def stats(self) -> Stats:
        """See ``StoreMaintenance.stats``."""
        records, used, size = self._file.usage()
        return Stats(records, used, size, self.refused_full)
