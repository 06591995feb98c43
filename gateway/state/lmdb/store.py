"""The verbs over LMDB: one file shared by all worker processes of a host.

A write transaction of LMDB takes one robust mutex shared by the processes, so a take is exact over all workers, and
the death of a worker inside it only throws that transaction away: none of its requests (``state.lmdb.group_commit``) had gone
on. Nothing waits for the disk: records survive the processes, not a crash of the machine (``state.lmdb.clean_shutdown``). The store
never opens a read transaction, because a reader that was killed would pin old pages and let the file grow.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import lmdb

from gateway.state.lmdb.circuits import BreakersStore
from gateway.state.lmdb.clean_shutdown import CleanShutdownMarker
from gateway.state.lmdb.group_commit import PACK, UNPACK, GroupCommit
from gateway.state.lmdb.lockouts import CLOCK, HOLD, LETTERS, AttemptsStore, Ledger, packed_clock, seen
from gateway.state.lmdb.revocations import RevocationsStore
from gateway.state.rules.gcra import NEVER, Take, Taken, decide, decide_one, distinct, ticks
from gateway.state.rules.monotonic import MonotonicWallClock
from gateway.state.store import StateError, Stats

SIZE = 64 * 1024 * 1024
"""Bytes of the file: about 1.2 million live keys of some 50 bytes each."""

Get = Callable[[bytes], bytes | None]
T = TypeVar("T")

_FORMAT = b"format"  # shorter than any record's name
_VERSION = b"tutor-gateway state 1\n"
_OWN = 2  # records that are nobody's: the format and the clock
_LIMIT = b"r"  # first byte of a limit's record; other kinds of records have letters behind it
_ROOM = 0.85  # share of the file that limits may fill; LMDB needs free pages even to delete
_SPARE = 32 * 4096  # bytes that stay free in a small file too: what a transaction frees only the one after next can use
_LOOK = 128  # new keys between two looks at how full the file is


class LmdbStore(AttemptsStore, BreakersStore, RevocationsStore):
    """Opens or makes the store in ``directory`` (0700, its files 0600; parents are made).

    Open it after the process has forked, once per process. ``key`` is the secret under which keys are hashed; without
    one the store makes its own and keeps it in the file. ``size`` is taken from the disk at once, so that a full disk
    is an error now and not a bus error later. Raises StateError.
    """

    def __init__(self, directory: Path, key: bytes | None = None, size: int = SIZE) -> None:
        self._directory = directory
        self._size = size
        self._position = b""
        self._fresh = 0
        self._closed = False
        self._tight = False
        self._refused_full = 0
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._claim = CleanShutdownMarker(directory, self._forget)
        except OSError as error:
            raise StateError(f"{directory}: cannot be used for the state: {error.strerror}") from error
        try:
            self._env = self._open()
        except BaseException:
            self._claim.abandon()
            raise
        try:
            self._name = self._namer(key)
            self._count_in(directory / "revocations")
        except BaseException:
            self._env.close()
            self._claim.abandon()
            raise
        self._begin = self._env.begin
        self.group_commit = GroupCommit(lambda: self._begin(None, None, True), self._grown, self._again)
        """See ``Store.group_commit``."""

    @property
    def forgot(self) -> bool:
        """Whether the records found were given up because the machine had crashed since they were written."""
        return self._claim.forgot

    def _forget(self) -> None:
        for file in ("data.mdb", "lock.mdb"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._directory / file)

    def _open(self) -> lmdb.Environment:
        file = self._directory / "data.mdb"
        try:
            return lmdb.open(
                str(self._directory),
                map_size=self._size,
                mode=0o600,
                max_dbs=0,
                writemap=True,
                map_async=True,
                sync=False,
                metasync=False,
            )
        except lmdb.VersionMismatchError as error:
            raise StateError(
                f"{file}: was written by another version of LMDB; remove it or name another path"
            ) from error
        except lmdb.InvalidError as error:
            raise StateError(f"{file}: is not a state file; remove it or name another path") from error
        except lmdb.Error as error:
            raise StateError(f"{file}: cannot be opened as the state: {error}") from error

    def _namer(self, key: bytes | None) -> Callable[[bytes], bytes]:
        """Checks or writes the format record, takes the space, and gives the function from key to record name."""
        file = self._directory / "data.mdb"
        with self._env.begin(write=True) as txn:
            found = txn.get(_FORMAT)
            if found is None and self._env.stat()["entries"]:
                raise StateError(f"{file}: holds something else; name another path")
            if found is not None and not found.startswith(_VERSION):
                version = found.split(b"\n")[0].decode("ascii", "replace")
                raise StateError(
                    f"{file}: was written by another version ({version!r}, this one writes "
                    f"{_VERSION.strip().decode()!r}); remove it or name another path"
                )
            if found is None:
                found = _VERSION + os.urandom(32)
                txn.put(_FORMAT, found)
            if txn.get(CLOCK) is None:
                txn.put(CLOCK, packed_clock(MonotonicWallClock()))
            self._allocate(file)
        own = found.removeprefix(_VERSION)
        # BLAKE2 takes keys of up to 64 bytes (RFC 7693 2.5); a longer secret is condensed first.
        base = blake2b(key=blake2b(key).digest() if key else own, digest_size=16)

        @lru_cache(maxsize=8192)
        def name(of: bytes) -> bytes:
            keyed = base.copy()
            keyed.update(of)
            return _LIMIT + keyed.digest()

        return name

    def _allocate(self, file: Path) -> None:
        if not hasattr(os, "posix_fallocate"):
            return  # a system for development
        handle = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        try:
            if os.fstat(handle).st_blocks * 512 < self._size:
                os.posix_fallocate(handle, 0, self._size)
        except OSError as error:
            raise StateError(f"{file}: there is no room for its {self._size} bytes: {error.strerror}") from error
        finally:
            os.close(handle)

    def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``Store.take``. Raises lmdb.Error when the file fails.

        A full store degrades by rule: keys it knows go on as before; for a new key it sweeps, and refuses when that
        makes no room. Failing open would let whoever can fill the store switch the sign-in limits off.
        """
        together = self.group_commit
        if len(takes) != 1 or self._tight:
            together.commit()
            answers = self._attempt(takes, now)
        elif together.active:
            answers = together.take(takes[0], self._name(takes[0].key), now)
        else:
            answers = self._alone(takes[0], now)
        if answers is None:
            self.sweep(now, HOLD)
            self._look()
            answers = self._attempt(takes, now)
        if answers is None:
            self._refused_full += 1
            return [Taken(False, 1.0, 0, 0.0, full=True) for _ in takes]
        return answers

    def _alone(self, take: Take, now: float) -> Sequence[Taken] | None:
        """``_attempt`` for the common case of one take while there is room, a quarter quicker without the lists."""
        record = self._name(take.key)
        txn = self._begin(None, None, True)
        try:
            found = txn.get(record)
            answer, tat = decide_one(take, NEVER if found is None else UNPACK(found)[0], ticks(now))
            if tat is None:
                txn.abort()
                return (answer,)
            txn.put(record, PACK(tat))
            txn.commit()
        except BaseException as error:
            self._failed(txn, error)
            return None
        if found is None:
            self._grown(1, now)
        return (answer,)

    def _again(self, txn: lmdb.Transaction, error: BaseException, done: Sequence[tuple[Take, float]]) -> None:
        """Takes were answered in a transaction for which there was no room: make some, and charge each by itself.

        A new key for which there still is none goes uncharged this once; from then on it is refused.
        """
        self._failed(txn, error)
        if done:
            self.sweep(done[-1][1], HOLD)
            self._look()
        for take, now in done:
            self._attempt((take,), now)

    def _attempt(self, takes: Sequence[Take], now: float) -> Sequence[Taken] | None:
        """None when there is no room."""
        moment = ticks(now)
        txn = self._begin(None, None, True)
        try:
            answers, writes, fresh = self._judge(txn.get, takes, moment)
            if not writes or (fresh and self._tight):
                txn.abort()
                return None if writes else answers
            put = txn.put
            for record, tat in writes.items():
                put(record, PACK(tat))
            txn.commit()
        except BaseException as error:
            self._failed(txn, error)
            return None
        if fresh:
            self._grown(fresh, now)
        return answers

    def _judge(self, get: Get, takes: Sequence[Take], moment: float) -> tuple[Sequence[Taken], dict[bytes, float], int]:
        """The answers, the TATs to write, and how many of these are of new keys.

        What ``gcra.decide`` says, in one pass when all conform: that is the common case and twice as quick.
        """
        name = self._name
        answers: list[Taken] = []
        writes: dict[bytes, float] = {}
        fresh, conform = 0, True
        for take in takes:
            record = name(take.key)
            found = get(record)
            if found is None:
                fresh += 1
            answer, tat = decide_one(take, NEVER if found is None else UNPACK(found)[0], moment)
            answers.append(answer)
            if tat is not None:
                writes[record] = tat
            if not answer.ok:
                conform = False
        if len(answers) == 1 or (conform and len(writes) == len(answers)):
            return answers, writes, fresh
        records = distinct([name(take.key) for take in takes])
        founds = [get(record) for record in records]
        settled, tats = decide(takes, [NEVER if found is None else UNPACK(found)[0] for found in founds], moment)
        mended = {record: tat for record, tat in zip(records, tats, strict=True) if tat is not None}
        return settled, mended, 0

    def _work(self, work: Callable[[Ledger], T | None], now: float) -> tuple[T | None, int]:
        """What ``work`` gives in a transaction of its own, and how many records it added; None when there is no room."""
        txn = self._begin(None, None, True)
        try:
            ledger = Ledger(txn, self._digest, now)
            done = work(ledger)
            txn.commit()
        except BaseException as error:
            self._failed(txn, error)
            return None, 0
        return done, ledger.fresh

    def _digest(self, of: bytes) -> bytes:
        return self._name(of)[1:]

    def _failed(self, txn: lmdb.Transaction, error: BaseException) -> None:
        txn.abort()
        if not isinstance(error, lmdb.MapFullError):
            raise error
        self._tight = True

    def _grown(self, fresh: int, now: float) -> None:
        self._fresh += fresh
        if self._fresh >= _LOOK:
            # Looking at more records than were added keeps up with any number of strangers.
            self.sweep(now, 2 * self._fresh)
            self._look()

    def _look(self) -> None:
        stats = self.stats()
        self._fresh = 0
        self._tight = stats.used > min(stats.size * _ROOM, stats.size - _SPARE)

    def sweep(self, now: float, budget: int) -> int:
        """See ``Store.sweep``. Holds the other workers up for 100 microseconds at a time."""
        gone, hold = 0, HOLD
        while budget > 0 and hold:
            swept = self._sweep_some(now, min(budget, hold))
            if swept is None:
                hold //= 4  # even forgetting takes free pages; fewer records touch fewer
                continue
            gone += swept[0]
            budget -= swept[1]
            if not self._position:
                break
        return gone

    def _sweep_some(self, now: float, budget: int) -> tuple[int, int] | None:
        """How many were removed and how many looked at; None when the file has no page free for that."""
        gone = looked = 0
        txn = self._begin(None, None, True)
        try:
            # A store without room needs its last pages for forgetting, not for taking note of the time.
            moment, steady = ticks(now), ticks(now + seen(txn, now, keep=not self._tight).ahead)
            cursor = txn.cursor()
            cursor.set_range(self._position or _LIMIT)
            while looked < budget and (name := cursor.key()):
                looked += 1
                if UNPACK(cursor.value())[0] <= (steady if name[:1] in LETTERS else moment):
                    cursor.delete()
                    gone += 1
                else:
                    cursor.next()
            self._position = bytes(cursor.key())  # empty behind the last record
            cursor.close()
            txn.commit()
        except BaseException as error:
            self._failed(txn, error)
            return None
        return gone, looked

    def stats(self) -> Stats:
        """See ``Store.stats``."""
        stat, info = self._env.stat(), self._env.info()
        used = stat["psize"] * (stat["leaf_pages"] + stat["branch_pages"] + stat["overflow_pages"])
        return Stats(stat["entries"] - _OWN, used, info["map_size"], self._refused_full)

    def close(self) -> None:
        """See ``Store.close``. The last process to leave brings the file to disk."""
        if not self._closed:
            self._closed = True
            self._claim.release(lambda: self._env.sync(True))
            self._env.close()
            self._counter.close()
