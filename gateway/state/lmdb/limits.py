"""Rate limits in LMDB: a record is the theoretical arrival time of its key and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from gateway.state.lmdb.capacity import Capacity
from gateway.state.lmdb.clock import Transaction
from gateway.state.lmdb.file import StateFile
from gateway.state.lmdb.group_commit import Charge, GroupCommit
from gateway.state.lmdb.names import LIMIT, PACK_EXPIRY, UNPACK_EXPIRY
from gateway.state.rules.gcra import NEVER, Take, Taken, decide, decide_one, distinct, ticks

REMEMBERED = 8192  # keys whose record names are not hashed anew


class LmdbLimits:
    """See ``LimitStore``."""

    def __init__(self, file: StateFile, capacity: Capacity) -> None:
        self._file = file
        self._capacity = capacity
        name = lru_cache(maxsize=REMEMBERED)(lambda key: LIMIT + file.digest(key))
        self._name: Callable[[bytes], bytes] = name
        file.on_new_key.append(name.cache_clear)
        self.group_commit = GroupCommit(file, capacity.added, self._charge_again)
        """See ``LimitStore.group_commit``."""

    def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``LimitStore.take``."""
        group = self.group_commit
        if len(takes) != 1 or self._capacity.tight:
            group.commit()
            taken = self._take_all(takes, now)
        elif group.active:
            taken = group.take(takes[0], self._name(takes[0].key), now)
        else:
            taken = self._take_one(takes[0], now)
        if taken is None:
            self._capacity.make_room(now)
            taken = self._take_all(takes, now)
        if taken is None:
            self._capacity.refused_full += 1
            return [Taken(False, 1.0, 0, 0.0, full=True) for _ in takes]
        return taken

    def _take_one(self, take: Take, now: float) -> Sequence[Taken] | None:
        """``_take_all`` for the common case of one take while there is room, a quarter quicker without the lists."""
        record = self._name(take.key)
        txn = self._file.begin()
        try:
            found = txn.get(record)
            taken, tat = decide_one(take, NEVER if found is None else UNPACK_EXPIRY(found)[0], ticks(now))
            if tat is None:
                self._file.abort(txn)
                return (taken,)
            txn.put(record, PACK_EXPIRY(tat))
            self._file.commit(txn)
        except BaseException as error:
            self._capacity.abort(txn, error)
            return None
        if found is None:
            self._capacity.added(1, now)
        return (taken,)

    def _charge_again(self, txn: Transaction, error: BaseException, charges: Sequence[Charge]) -> None:
        """``charges`` were made in a transaction for which there was no room: makes some, and charges each by itself.

        A new key for which there still is none goes uncharged this once; from then on it is refused.
        """
        self._capacity.abort(txn, error)
        if charges:
            self._capacity.make_room(charges[-1][1])
        for take, now in charges:
            self._take_all((take,), now)

    def _take_all(self, takes: Sequence[Take], now: float) -> Sequence[Taken] | None:
        """None when there is no room."""
        txn = self._file.begin()
        try:
            taken, writes, fresh = self._decide(txn, takes, ticks(now))
            if not writes or (fresh and self._capacity.tight):
                self._file.abort(txn)
                return None if writes else taken
            put = txn.put
            for record, tat in writes.items():
                put(record, PACK_EXPIRY(tat))
            self._file.commit(txn)
        except BaseException as error:
            self._capacity.abort(txn, error)
            return None
        if fresh:
            self._capacity.added(fresh, now)
        return taken

    def _decide(
        self, txn: Transaction, takes: Sequence[Take], moment: float
    ) -> tuple[Sequence[Taken], dict[bytes, float], int]:
        """The results, the TATs to write, and how many of these are of new keys.

        The results are those of ``gcra.decide``, in one pass when all conform: that is the common case and twice as
        quick.
        """
        name, get = self._name, txn.get
        results: list[Taken] = []
        writes: dict[bytes, float] = {}
        fresh, conform = 0, True
        for take in takes:
            record = name(take.key)
            found = get(record)
            if found is None:
                fresh += 1
            taken, tat = decide_one(take, NEVER if found is None else UNPACK_EXPIRY(found)[0], moment)
            results.append(taken)
            if tat is not None:
                writes[record] = tat
            if not taken.ok:
                conform = False
        if len(results) == 1 or (conform and len(writes) == len(results)):
            return results, writes, fresh
        records = distinct([name(take.key) for take in takes])
        values = [get(record) for record in records]
        decided, tats = decide(takes, [NEVER if value is None else UNPACK_EXPIRY(value)[0] for value in values], moment)
        mended = {record: tat for record, tat in zip(records, tats, strict=True) if tat is not None}
        return decided, mended, 0
