"""The verbs about revocations over LMDB, and the counter that tells the workers of a host of a change.

The counter is a file of eight bytes that every worker has mapped. It is moved inside the write transaction, before the
commit: who sees it move and opens a transaction to read waits for that commit.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from struct import Struct
from typing import Any

from gateway.state.rules.gcra import ticks
from gateway.state.rules.revocation import Revocation, added, named
from gateway.state.store import StateError

_LETTER = b"w"
_BEHIND = b"x"
_RECORD = Struct("<ddd")  # the moment it has run out in ticks, since, until
_COUNT = Struct("<Q")


class RevocationsStore:
    """What ``LmdbStore`` inherits; it gives the transactions and the hash."""

    _begin: Any
    _counter: mmap.mmap

    def _digest(self, of: bytes) -> bytes:
        raise NotImplementedError  # pragma: no cover  # the store has it

    def _failed(self, txn: Any, error: BaseException) -> None:
        raise NotImplementedError  # pragma: no cover  # the store has it

    def sweep(self, now: float, budget: int) -> int:
        """See ``Store.sweep``."""
        raise NotImplementedError  # pragma: no cover  # the store has it

    def _count_in(self, file: Path) -> None:
        """Maps the counter. Raises StateError."""
        try:
            handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                missing = _COUNT.size - os.fstat(handle).st_size
                if missing > 0:
                    # Written and not only made longer: a full disk is an error now and not a bus error later.
                    os.pwrite(handle, bytes(missing), _COUNT.size - missing)
                self._counter = mmap.mmap(handle, _COUNT.size)
            finally:
                os.close(handle)
        except (OSError, ValueError) as error:
            raise StateError(f"{file}: cannot be used to tell of revocations: {error}") from error

    def generation(self) -> int:
        """See ``Store.generation``."""
        count: int = _COUNT.unpack_from(self._counter)[0]
        return count

    def revocation_name(self, kind: str, key: bytes) -> bytes:
        """See ``Store.revocation_name``."""
        return self._digest(named(kind, key))

    def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
        """See ``Store.revoke``. Raises lmdb.Error when the file fails."""
        return self.merge_revocations([Revocation(self.revocation_name(kind, key), now, until)], now)

    def merge_revocations(self, news: Sequence[Revocation], now: float) -> bool:
        """See ``Store.merge_revocations``. Raises lmdb.Error when the file fails."""
        done = self._note(news, now)
        if done is None:
            self.sweep(now, 4096)
            done = self._note(news, now)
        return bool(done)

    def _note(self, news: Sequence[Revocation], now: float) -> bool | None:
        """None when the file has no room."""
        txn = self._begin(None, None, True)
        try:
            held = _read(txn, now)
            changed, room = added(held, news, now)
            if not changed:
                txn.abort()
                return room
            for name, since, until in changed:
                txn.put(_LETTER + name, _RECORD.pack(ticks(until), since, until))
            _COUNT.pack_into(self._counter, 0, (self.generation() + 1) % 2**64)
            txn.commit()
        except BaseException as error:
            self._failed(txn, error)
            return None
        return room

    def revocations(self, now: float) -> Sequence[Revocation]:
        """See ``Store.revocations``. Raises lmdb.Error when the file fails."""
        txn = self._begin(None, None, True)  # the store has no readers, see ``embedded``
        try:
            return list(_read(txn, now).values())
        finally:
            txn.abort()


def _read(txn: Any, now: float) -> dict[bytes, Revocation]:
    found = {}
    cursor = txn.cursor()
    more = cursor.set_range(_LETTER)
    while more and (name := bytes(cursor.key())) < _BEHIND:
        _, since, until = _RECORD.unpack(cursor.value())
        if until > now:
            found[name[1:]] = Revocation(name[1:], since, until)
        more = cursor.next()
    cursor.close()
    return found
