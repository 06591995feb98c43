"""Takes of one iteration of the event loop in one transaction of LMDB: beginning and committing one is more than half of
the cost of a take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.state.lmdb.clock import Transaction
from gateway.state.lmdb.file import StateFile
from gateway.state.lmdb.names import PACK_EXPIRY, UNPACK_EXPIRY
from gateway.state.rules.gcra import NEVER, Take, Taken, decide_one, ticks

MOST = 32  # takes in one transaction, during which the other workers wait: some 100 microseconds

Charge = tuple[Take, float]
"""A take that was charged, and when."""


class GroupCommit:
    """A context in which ``LmdbLimits.take`` shares a transaction of ``file``.

    ``on_commit`` is called with the number of new records in a transaction and the time, ``on_failure`` with a
    transaction that failed, the error, and the takes that were charged in it.
    """

    __slots__ = ("_charges", "_count", "_file", "_fresh", "_on_commit", "_on_failure", "_txn", "active")

    def __init__(
        self,
        file: StateFile,
        on_commit: Callable[[int, float], None],
        on_failure: Callable[[Transaction, BaseException, Sequence[Charge]], None],
    ) -> None:
        self._file = file
        self._on_commit = on_commit
        self._on_failure = on_failure
        self._txn: Transaction | None = None
        self._charges: list[Charge] = []
        self._fresh = 0
        self._count = 0  # of all takes, the refused ones too
        self.active = False

    def __enter__(self) -> None:
        self.active = True

    def __exit__(self, *_: object) -> None:
        self.active = False
        self.commit()

    def take(self, take: Take, record: bytes, now: float) -> Sequence[Taken] | None:
        """The result of a take that comes alone, as ``LmdbLimits.take`` gives it; None when there is no room."""
        txn = self._txn
        if txn is None:
            txn = self._txn = self._file.begin()
        try:
            found = txn.get(record)
            taken, tat = decide_one(take, NEVER if found is None else UNPACK_EXPIRY(found)[0], ticks(now))
            if tat is not None:
                txn.put(record, PACK_EXPIRY(tat))
                self._charges.append((take, now))
                if found is None:
                    self._fresh += 1
        except BaseException as error:
            self._on_failure(txn, error, self._reset())
            return None
        self._count += 1
        if self._count == MOST:
            self.commit()
        return (taken,)

    def commit(self) -> None:
        """Ends the transaction, if there is one; another take begins the next."""
        txn, fresh = self._txn, self._fresh
        if txn is None:
            return
        charges = self._reset()
        try:
            self._file.commit(txn)
        except BaseException as error:
            self._on_failure(txn, error, charges)
            return
        if fresh:
            self._on_commit(fresh, charges[-1][1])

    def _reset(self) -> list[Charge]:
        """Forgets the transaction, and gives the takes that were charged in it."""
        charges = self._charges
        self._txn, self._charges, self._fresh, self._count = None, [], 0, 0
        return charges
