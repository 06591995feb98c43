"""Takes of one turn of the event loop in one transaction of LMDB: to begin and to commit is more than half of a take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any

from gateway.state.rules.gcra import NEVER, Take, Taken, decide_one, ticks

MOST = 32  # takes in one transaction, during which the other workers wait: some 100 microseconds

Done = tuple[Take, float]

PACK = Struct("<d").pack
UNPACK = Struct("<d").unpack_from  # every record begins with the moment it has run out


class GroupCommit:
    """A context in which ``LmdbStore.take`` shares a transaction.

    ``begin`` gives one to write in. ``ended`` is told how many new records one had that was committed. ``again`` is handed
    one that failed, with the error and the takes that were answered in it.
    """

    __slots__ = ("_again", "_begin", "_count", "_done", "_ended", "_fresh", "_txn", "active")

    def __init__(
        self,
        begin: Callable[[], Any],
        ended: Callable[[int, float], None],
        again: Callable[[Any, BaseException, Sequence[Done]], None],
    ) -> None:
        self._begin = begin
        self._ended = ended
        self._again = again
        self._txn: Any = None
        self._done: list[Done] = []
        self._fresh = 0
        self._count = 0  # of all takes, the refused ones too
        self.active = False

    def __enter__(self) -> None:
        self.active = True

    def __exit__(self, *_: object) -> None:
        self.active = False
        self.commit()

    def take(self, take: Take, record: bytes, now: float) -> Sequence[Taken] | None:
        """The answer to a take that comes alone, as ``LmdbStore.take`` gives it; None when there is no room."""
        txn = self._txn
        if txn is None:
            txn = self._txn = self._begin()
        try:
            found = txn.get(record)
            answer, tat = decide_one(take, NEVER if found is None else UNPACK(found)[0], ticks(now))
            if tat is not None:
                txn.put(record, PACK(tat))
                self._done.append((take, now))
                if found is None:
                    self._fresh += 1
        except BaseException as error:
            txn, done = self._over()
            self._again(txn, error, done)
            return None
        self._count += 1
        if self._count == MOST:
            self.commit()
        return (answer,)

    def commit(self) -> None:
        """End the transaction, if there is one; another take begins the next."""
        if self._txn is None:
            return
        fresh = self._fresh
        txn, done = self._over()
        try:
            txn.commit()
        except BaseException as error:
            self._again(txn, error, done)
            return
        if fresh:
            self._ended(fresh, done[-1][1])

    def _over(self) -> tuple[Any, list[Done]]:
        over = self._txn, self._done
        self._txn, self._done, self._fresh, self._count = None, [], 0, 0
        return over
