"""Records in this process's memory, in place of a file that cannot be used: the same transactions, so the same rules.

Every worker then counts by itself, beginning with what it knows of the file. What it has written meanwhile goes into the
file when that can be used again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping

import lmdb

MOST = 50_000
"""Records held; with more a new key is refused, as by a file that is full."""

RECORD_BYTES = 200
"""Memory that a record takes, near enough."""

Below = Callable[[bytes], "bytes | None"]
"""Gives the record of a name from where it was before."""


class MemoryRecords:
    """``known`` are records to begin with; a name that is not here is asked ``below``."""

    def __init__(self, known: Mapping[bytes, bytes], below: Below = lambda name: None) -> None:
        self._records: dict[bytes, bytes | None] = dict(known)  # None: removed, whatever is below
        self._names = sorted(known)
        self._below = below
        self.changed: set[bytes] = set()
        """Names that were written or removed here."""

    def begin(self) -> MemoryTransaction:
        """Begins a transaction; there is one at a time."""
        return MemoryTransaction(self)

    def __len__(self) -> int:
        return len(self._names)

    def get(self, name: bytes) -> bytes | None:
        """The record of ``name``."""
        return self._records[name] if name in self._records else self._below(name)

    def own(self, name: bytes) -> bytes | None:
        """The record of ``name`` as it is here; None also for one that was removed."""
        return self._records.get(name)

    def news(self, is_new: bool) -> list[tuple[bytes, bytes | None]]:
        """What a file has to get: what was written or removed here; one that ``is_new`` gets all that is known, since
        nobody else may know it any more."""
        return [
            (name, self._records.get(name))
            for name in (self._records.keys() | self.changed if is_new else self.changed)
        ]

    def put(self, name: bytes, value: bytes | None) -> None:
        """Writes a record, or removes it. Raises lmdb.MapFullError when there is no room."""
        is_new = self._records.get(name) is None
        if value is not None and is_new:
            if len(self._names) >= MOST:
                raise lmdb.MapFullError("as many records as may be in memory")
            self._names.insert(bisect_left(self._names, name), name)
        elif value is None and not is_new:
            del self._names[bisect_left(self._names, name)]
        self._records[name] = value
        self.changed.add(name)

    def following(self, name: bytes) -> bytes:
        """The first name from ``name`` on, empty behind the last."""
        at = bisect_left(self._names, name)
        return self._names[at] if at < len(self._names) else b""

    def detach(self) -> None:
        """Asks nobody below any more: what was there before is gone."""
        self._below = lambda name: None

    def usage(self) -> tuple[int, int, int]:
        """See ``StateFile.usage``."""
        return len(self), RECORD_BYTES * len(self), RECORD_BYTES * MOST


class MemoryTransaction:
    """What the verbs need of ``lmdb.Transaction``."""

    def __init__(self, records: MemoryRecords) -> None:
        self._records = records
        self._before: list[tuple[bytes, bytes | None]] = []
        self.get = records.get

    def put(self, name: bytes, value: bytes) -> bool:
        """Writes a record. Raises lmdb.MapFullError when there is no room."""
        self._before.append((name, self._records.get(name)))
        self._records.put(name, value)
        return True

    def delete(self, name: bytes) -> bool:
        """Removes a record. Returns whether there was one."""
        before = self._records.get(name)
        if before is not None:
            self._before.append((name, before))
            self._records.put(name, None)
        return before is not None

    def cursor(self) -> MemoryCursor:
        """A cursor over the records that are here."""
        return MemoryCursor(self, self._records)

    def commit(self) -> None:
        """Keeps what was written."""
        self._before.clear()

    def abort(self) -> None:
        """Takes back what was written."""
        while self._before:
            self._records.put(*self._before.pop())


class MemoryCursor:
    """What the verbs need of ``lmdb.Cursor``: in the order of names, and over records that are removed under it."""

    def __init__(self, txn: MemoryTransaction, records: MemoryRecords) -> None:
        self._txn = txn
        self._records = records
        self._at = b""

    def set_range(self, name: bytes) -> bool:
        """Goes to the first name from ``name`` on."""
        self._at = self._records.following(name)
        return bool(self._at)

    def next(self) -> bool:
        """Goes on by one."""
        return bool(self._at) and self.set_range(self._at + b"\0")

    def key(self) -> bytes:
        """The name, empty behind the last."""
        return self._at

    def value(self) -> bytes:
        """The record."""
        return self._records.own(self._at) or b""

    def delete(self) -> bool:
        """Removes the record and goes on by one."""
        deleted = self._txn.delete(self._at)
        self.set_range(self._at)
        return deleted

    def close(self) -> None:
        """Nothing is held."""


def later(mine: bytes | None, theirs: bytes | None) -> bytes | None:
    """Of two records of one name the one that means something for longer: every record begins with its expiry."""
    if mine is None or theirs is None:
        return mine
    return mine if _expiry(mine) >= _expiry(theirs) else theirs


def _expiry(value: bytes) -> float:
    return memoryview(value)[:8].cast("d")[0] if len(value) >= 8 else 0.0


def merge(txn: lmdb.Transaction | MemoryTransaction, records: Iterable[tuple[bytes, bytes | None]]) -> None:
    """Writes ``records`` into a file that may have others of the same names. Raises lmdb.Error."""
    for name, value in records:
        found = txn.get(name)
        after = later(value, None if found is None else bytes(found))
        if after is None:
            if found is not None:
                txn.delete(name)
        elif after != found:
            txn.put(name, after)
