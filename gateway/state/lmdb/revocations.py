"""Revocations in LMDB, and the counter by which the workers of a host notice a change.

The counter is a file of eight bytes that every worker has mapped. It is moved inside the write transaction, before the
commit: a worker that sees it move and opens a transaction to read waits for that commit.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from struct import Struct
from struct import error as StructError

from gateway.state.lmdb.capacity import Capacity
from gateway.state.lmdb.clock import Transaction
from gateway.state.lmdb.file import StateFile
from gateway.state.lmdb.names import REVOKED, RecordDamaged
from gateway.state.rules.gcra import ticks
from gateway.state.rules.revocation import Revocation, added, named
from gateway.state.store import StateError

_SWEPT = 4096  # records looked at for room
_RECORD = Struct("<ddd")  # expiry (ticks), since, until
_COUNT = Struct("<Q")


class LmdbRevocations:
    """See ``RevocationStore``. ``counter`` is the path of the counter's file. Raises StateError where that cannot be,
    unless ``stand_in`` says to count by itself then."""

    def __init__(self, file: StateFile, capacity: Capacity, counter: Path, stand_in: bool = False) -> None:
        self._file = file
        self._capacity = capacity
        self._path = counter
        self._inode = 0
        try:
            self._counter = self._mapped()
        except StateError:
            if not stand_in:
                raise
            self._counter = mmap.mmap(-1, _COUNT.size)

    def check(self) -> None:
        """Counts with the others again where the file was removed or replaced."""
        try:
            if self._path.stat().st_ino == self._inode:
                return
        except OSError:
            pass
        with contextlib.suppress(StateError):
            counter, self._counter = self._counter, self._mapped()
            counter.close()

    def generation(self) -> int:
        """See ``RevocationStore.generation``."""
        count: int = _COUNT.unpack_from(self._counter)[0]
        return count

    def revocation_name(self, kind: str, key: bytes) -> bytes:
        """See ``RevocationStore.revocation_name``."""
        return self._file.digest(named(kind, key))

    def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
        """See ``RevocationStore.revoke``."""
        return self.merge_revocations([Revocation(self.revocation_name(kind, key), now, until)], now)

    def merge_revocations(self, news: Sequence[Revocation], now: float) -> bool:
        """See ``RevocationStore.merge_revocations``."""
        done = self._merge(news, now)
        if done is None:
            self._capacity.sweep(now, _SWEPT)
            done = self._merge(news, now)
        return bool(done)

    def _merge(self, news: Sequence[Revocation], now: float) -> bool | None:
        """None when the file has no room."""

        def work(txn: Transaction) -> bool:
            changed, room = added(_read(txn, now), news, now)
            for name, since, until in changed:
                txn.put(REVOKED + name, _RECORD.pack(ticks(until), since, until))
            if changed:
                _COUNT.pack_into(self._counter, 0, (self.generation() + 1) % 2**64)
            return room

        return self._capacity.write(work)

    def revocations(self, now: float) -> Sequence[Revocation]:
        """See ``RevocationStore.revocations``."""
        # In a transaction for writing: there are no readers, see ``state.lmdb.file``.
        return list((self._capacity.write(lambda txn: _read(txn, now)) or {}).values())

    def close(self) -> None:
        """Gives the counter back. Calling it twice is harmless."""
        self._counter.close()

    def _mapped(self) -> mmap.mmap:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                found = os.fstat(handle)
                missing = _COUNT.size - found.st_size
                if missing > 0:
                    # Written and not only made longer: a full disk is an error now and not a bus error later.
                    os.pwrite(handle, bytes(missing), _COUNT.size - missing)
                self._inode = found.st_ino
                return mmap.mmap(handle, _COUNT.size)
            finally:
                os.close(handle)
        except (OSError, ValueError) as error:
            raise StateError(f"{self._path}: cannot be used to tell of revocations: {error}") from error


def _read(txn: Transaction, now: float) -> dict[bytes, Revocation]:
    found = {}
    cursor = txn.cursor()
    more = cursor.set_range(REVOKED)
    while more and (name := bytes(cursor.key()))[:1] == REVOKED:
        try:
            _, since, until = _RECORD.unpack(cursor.value())
        except StructError as error:
            raise RecordDamaged(f"no revocation: {error}") from error
        if until > now:
            found[name[1:]] = Revocation(name[1:], since, until)
        more = cursor.next()
    cursor.close()
    return found
