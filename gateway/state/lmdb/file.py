"""The file of the embedded store, shared by all worker processes of a host, and what takes its place while it fails.

A write transaction of LMDB takes one lock that the processes share, so a take is exact over all workers, and a worker that
dies inside one only throws that transaction away. Nothing waits for the disk: records survive the processes, but not a
crash of the machine (``state.lmdb.clean_shutdown``). No reader is open while the file is in use, because one that was
killed would pin old pages and let the file grow.

A file that fails is left at once: the records go on in memory (``state.lmdb.memory``), where each worker counts by itself,
until ``check`` has brought a file back. Which of the workers sets a broken one aside is decided by the lock for writing.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from struct import error as StructError

import lmdb

from gateway.state.lmdb.clock import FileClock, Transaction
from gateway.state.lmdb.memory import Below, MemoryRecords, merge
from gateway.state.lmdb.names import LOCKED, REVOKED, RecordDamaged
from gateway.state.lmdb.open_file import FileIdentity, OpenFile, StateBusy, identity
from gateway.state.lmdb.soundness import damage, saved
from gateway.state.rules.digest import condensed, digester
from gateway.state.store import StateError, StoreCondition

_DAMAGED = (
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.PanicError,
    lmdb.InvalidError,
    lmdb.VersionMismatchError,
    StructError,
    RecordDamaged,
)
"""Errors after which the file is not to be believed, whatever it looks like."""

_LOOKED = 100  # pages looked at in each ``check``, some 0.5 ms
_FREE: Sequence[int] = (0,)


class StateFile:
    """Opens or makes the file in ``directory`` (0700, its files 0600; parents are made), once in each process and after
    the process has forked.

    ``key`` is the secret under which names are hashed; without one the file holds a key of its own. ``size`` in bytes is
    taken from the disk at once, so that a full disk is an error now and not a bus error later. ``clock`` is the one by
    which locks last. ``distrust``: what is there has ended processes, and is set aside. Raises StateError where there can
    be no file, unless ``stand_in`` says to go on in memory then.
    """

    def __init__(
        self,
        directory: Path,
        key: bytes | None,
        size: int,
        clock: FileClock | None = None,
        stand_in: bool = False,
        distrust: bool = False,
    ) -> None:
        self._directory = directory
        self._size = size
        self._key = key
        self._own_key = b""
        self._distrusted: FileIdentity | None = identity(directory / "data.mdb") if distrust else None
        self._why = ""
        self._mending = False
        self._events: deque[tuple[str, Mapping[str, object]]] = deque(maxlen=16)
        self._opened: OpenFile | None = None
        self._memory = MemoryRecords({})
        self._stand_in()
        self.clock = clock or FileClock(None)
        self.on_new_key: list[Callable[[], None]] = []
        """Called when names are hashed under another key than before."""
        self.digest = digester(condensed(key) if key else b"")
        """The keyed hash of some bytes, 16 bytes."""
        try:
            self._use_first(self._open())
        except StateError as error:
            if not stand_in and not isinstance(error, StateBusy):
                raise
            self._own_key = os.urandom(32)
            self.digest = digester(condensed(key) if key else self._own_key)
            self._leave(str(error), {})

    def begin(self) -> Transaction:
        """Begins a write transaction: of the file, or of the memory where that fails or its lock is not to be had."""
        try:
            self._take()
            if self._holder[0] and not self._is_free():
                self._release()
                raise BlockingIOError
            return self._begin()
        except BlockingIOError:
            return self._begin_late()
        except lmdb.Error as error:
            self.fails(error)
            return self._begin()

    def commit(self, txn: Transaction) -> None:
        """Ends a transaction, so that all processes see what it wrote. When this raises, ``abort`` is to be called."""
        txn.commit()
        self._release()

    def abort(self, txn: Transaction) -> None:
        """Ends a transaction as if it had not been."""
        try:
            txn.abort()
        finally:
            self._release()

    def _begin_late(self) -> Transaction:
        opened = self._opened
        assert opened is not None, "memory has no lock"
        if opened.lock.wait(opened.commits, opened.mutex.thread):
            try:
                return self._begin()
            except lmdb.Error as error:
                self.fails(error)
                return self._begin()
        self._leave(f"{opened.file}: another process has it locked and stands still", opened.few(), opened.read)
        return self._begin()

    def _is_free(self) -> bool:
        return self._opened is None or self._opened.mutex.free()

    def fails(self, error: BaseException) -> bool:
        """Whether ``error`` is the file's, which is then used no more: the next transaction is one of the memory."""
        opened = self._opened
        if opened is None or not isinstance(error, (lmdb.Error, StructError, RecordDamaged)):
            return False
        if isinstance(error, _DAMAGED):
            self._distrusted = opened.identity
        self._mending = True
        known: dict[bytes, bytes] = {}
        with contextlib.suppress(OSError):
            known = saved(opened.file) if opened.is_current() else {}
        with contextlib.suppress(lmdb.Error):
            opened.abandon()
        self._opened = None
        self._leave(f"{opened.file}: {error}", known)
        return True

    def _leave(self, why: str, known: dict[bytes, bytes], below: Below = lambda name: None) -> None:
        """Goes on in memory, with the records ``known`` and those that ``below`` gives."""
        self._why = why
        self._events.append(("state_failing", {"error": why}))
        self._memory = MemoryRecords(known, below)
        self._stand_in()

    def _stand_in(self) -> None:
        self._take: Callable[[], object] = _nothing
        self._release: Callable[[], object] = _nothing
        self._holder = _FREE
        self._begin: Callable[[], Transaction] = self._memory.begin

    def _open(self) -> OpenFile:
        opened = OpenFile(self._directory, self._size, self._own_key, self._distrusted)
        aside = opened.set_aside
        if aside is not None:
            counts = {kind: sum(name[:1] == kind for name in aside.records) for kind in (LOCKED, REVOKED)}
            fields = {"file": str(aside.path), "kept_as": aside.kept_as, "error": aside.error}
            self._events.append(
                ("state_set_aside", {**fields, "locks_kept": counts[LOCKED], "revocations_kept": counts[REVOKED]})
            )
        return opened

    def _use(self, opened: OpenFile) -> None:
        """Uses ``opened``, whose lock this process has, from now on, with what was written in memory meanwhile. Raises
        lmdb.Error."""
        self._opened = opened
        is_same = bool(self._key) or self._own_key == opened.own_key
        try:
            with opened.env.begin(write=True) as txn:
                self.clock.open(txn, time.time())
                if is_same:
                    with contextlib.suppress(lmdb.MapFullError):
                        merge(txn, self._memory.news(opened.is_new))
        finally:
            opened.lock.release()
        if not is_same:
            self.digest = digester(opened.own_key)
            for call in self.on_new_key:
                call()
        self._own_key = opened.own_key
        self._distrusted = None
        if self._why:
            self._events.append(("state_well", {}))
        self._why, self._mending = "", False
        self._memory = MemoryRecords({})
        self._take, self._release = opened.lock.take, opened.lock.release
        self._holder = opened.mutex.holder
        self._begin = opened.begin()

    def _use_first(self, opened: OpenFile) -> None:
        """``_use`` for the first file, with StateError for LMDB's errors."""
        try:
            self._use(opened)
        except lmdb.Error as error:
            self._opened = None
            opened.abandon()
            raise StateError(f"{opened.file}: cannot be used as the state: {error}") from error

    def check(self) -> StoreCondition:
        """Brings a file back where there is none in use, and finds out that the one in use was removed or replaced. To be
        called about once a second."""
        opened = self._opened
        if opened is not None and not self._why and not opened.is_current():
            # Whoever replaced it has taken over what was there; of one that is gone this process may have the last copy.
            records = opened.records() if identity(opened.file) is None else {}
            opened.abandon()
            self._opened = None
            self._leave(f"{opened.file}: was removed or replaced", records)
            self._memory.changed |= records.keys()
        if opened is not None and not self._why:
            self._look(opened)
        if self._why:
            self._recover()
        condition = self.condition
        self._events.clear()
        return condition

    @property
    def condition(self) -> StoreCondition:
        """How the file is, with the events since the last ``check``."""
        return StoreCondition(self._why, self._mending, tuple(self._events))

    def _look(self, opened: OpenFile) -> None:
        """Looks at some of the pages: what was overwritten may also look as if a record were not there."""
        if not opened.lock.take_if(opened.mutex.free):
            return
        try:
            broken = damage(opened.file, _LOOKED)
        except OSError as error:
            broken = str(error)
        finally:
            opened.lock.release()
        if broken:
            self.fails(lmdb.CorruptedError(broken))

    def _recover(self) -> None:
        opened = self._opened
        self._mending = False  # whatever comes of it: in memory requests are decided as well as they can be
        try:
            if opened is None:
                opened = self._open()
            elif not opened.is_current():
                self._memory.detach()
                opened.abandon()
                self._opened = None
                return
            elif not opened.lock.take_if(opened.mutex.free):
                return
            self._use(opened)
        except StateError as error:
            self._why = str(error)
        except lmdb.Error as error:
            self.fails(error)

    @property
    def forgot(self) -> bool:
        """Whether the records found were given up because the machine had crashed since they were written."""
        return self._opened is not None and self._opened.forgot

    def usage(self) -> tuple[int, int, int]:
        """Records, bytes in use, and bytes in all."""
        return self._memory.usage() if self._why or self._opened is None else self._opened.usage()

    @property
    def last_page(self) -> int:
        """The number of the last page that was ever used."""
        return 0 if self._opened is None else int(self._opened.env.info()["last_pgno"])

    def close(self) -> None:
        """Closes the file; the last process to leave brings it to disk. Calling it twice is harmless."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def abandon(self) -> None:
        """Closes the file without a word on its state, which the next process judges."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.abandon()


def _nothing() -> None:
    """There is no lock to take."""
