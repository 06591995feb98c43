"""The state's file as one process has it open: LMDB's environment, the lock around writing, and the mark of its boot."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import lmdb

from gateway.state.lmdb.clean_shutdown import CleanShutdownMarker
from gateway.state.lmdb.memory import merge
from gateway.state.lmdb.names import COUNTED, FEW, FORMAT, LIMIT, OWN_RECORDS
from gateway.state.lmdb.set_aside import SetAside, set_aside
from gateway.state.lmdb.soundness import damage
from gateway.state.lmdb.write_lock import MutexView, WriteLock
from gateway.state.store import StateError

VERSION = b"tutor-gateway state 1\n"
MOST_LOOKED = 2000
"""Pages of a file in use that are looked at, some 10 ms; all of one that is not."""
MOST_CARRIED = 50_000
"""Records taken along from a file that was removed."""


class StateBusy(StateError):
    """Another process has the lock for writing and stands still."""


class FileIdentity(NamedTuple):
    """Which file it is, whatever its name: of a distrusted one nothing else is to be used."""

    device: int
    number: int


def identity(file: Path) -> FileIdentity | None:
    """The identity of ``file``, None when there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return FileIdentity(found.st_dev, found.st_ino)


class OpenFile:
    """Opens or makes the file in ``directory``; a broken one is set aside first.

    ``own_key`` is the key that a new file gets. ``distrusted`` is a file that failed, and None where none has: it is set
    aside whatever it looks like. The lock for writing is held when this returns, and the caller's to release. Raises
    StateError, whose sentence names the file.
    """

    def __init__(self, directory: Path, size: int, own_key: bytes, distrusted: FileIdentity | None) -> None:
        self.file = directory / "data.mdb"
        self.set_aside: SetAside | None = None
        self.is_new = False
        """Whether there was no file, not even a broken one."""
        self._directory = directory
        self._size = size
        self._mutex: MutexView | None = None
        self._env: lmdb.Environment | None = None
        with contextlib.ExitStack() as undo:
            try:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.lock = WriteLock(directory / "write.lock")
            except OSError as error:
                raise StateError(f"{directory}: cannot be used for the state: {error.strerror}") from error
            undo.callback(self.lock.close)
            if not self.lock.wait(lambda: 0):
                raise StateBusy(f"{self.file}: another process has it locked and stands still")
            try:
                self._marker = CleanShutdownMarker(directory, self._forget)
            except OSError as error:
                raise StateError(f"{directory}: cannot be used for the state: {error.strerror}") from error
            undo.callback(self._marker.abandon)
            undo.callback(self._close)
            self.own_key = self._open(own_key, distrusted)
            undo.pop_all()
        self.identity = identity(self.file)
        self._lock_file = directory / "lock.mdb"
        self._lock_identity = identity(self._lock_file)

    @property
    def forgot(self) -> bool:
        """Whether the records found were given up because the machine had crashed since they were written."""
        return self._marker.forgot

    @property
    def env(self) -> lmdb.Environment:
        """LMDB's environment."""
        assert self._env is not None, "opened, and not closed"
        return self._env

    @property
    def mutex(self) -> MutexView:
        """LMDB's own lock."""
        assert self._mutex is not None, "opened, and not closed"
        return self._mutex

    def is_current(self) -> bool:
        """Whether another process would open this file, and take the same locks."""
        return (
            identity(self.file) == self.identity
            and identity(self._lock_file) == self._lock_identity
            and self.lock.is_current()
        )

    def begin(self) -> Callable[[], lmdb.Transaction]:
        """The function that begins a write transaction, without a frame of its own."""
        return partial(self.env.begin, None, None, True)

    def commits(self) -> int:
        """Another number after every commit of any process; waits for nobody."""
        return int(self.env.info()["last_txnid"])

    def read(self, name: bytes) -> bytes | None:
        """The record of ``name`` without the lock for writing; None also when it cannot be read."""
        try:
            with self.env.begin() as txn:
                return txn.get(name)
        except lmdb.Error:
            return None

    def few(self) -> dict[bytes, bytes]:
        """The records of ``names.FEW``, without the lock for writing."""
        return self._records(FEW)

    def records(self) -> dict[bytes, bytes]:
        """As many records as may be taken along, those of ``names.FEW`` first."""
        return self._records((*FEW, COUNTED, LIMIT))

    def _records(self, letters: Sequence[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        with contextlib.suppress(lmdb.Error), self.env.begin() as txn, txn.cursor() as cursor:
            for letter in letters:
                more = cursor.set_range(letter)
                while more and cursor.key()[:1] == letter and len(found) < MOST_CARRIED:
                    found[cursor.key()] = cursor.value()
                    more = cursor.next()
        return found

    def _forget(self) -> None:
        for file in ("data.mdb", "lock.mdb"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._directory / file)

    def _open(self, own_key: bytes, distrusted: FileIdentity | None) -> bytes:
        """Opens the file, and another one in place of a broken one. Returns the file's own key."""
        try:
            if distrusted is not None and identity(self.file) == distrusted:
                raise lmdb.CorruptedError("it failed while it was used")
            # Beside others that use it, so that they do not wait: should it end this process, it is distrusted as a whole.
            broken = damage(self.file, None if self._marker.alone else MOST_LOOKED)
            if broken:
                raise lmdb.CorruptedError(broken)
            return self._try(own_key)
        except (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError, lmdb.VersionMismatchError) as error:
            return self._begin_anew(str(error), own_key)
        except lmdb.Error as error:
            raise StateError(f"{self.file}: cannot be opened as the state: {error}") from error
        except OSError as error:
            raise StateError(f"{self.file}: cannot be opened as the state: {error.strerror}") from error

    def _begin_anew(self, error: str, own_key: bytes) -> bytes:
        self._close()
        try:
            aside = self.set_aside = set_aside(self._directory, error, time.time())
            if aside.records.get(FORMAT, b"").startswith(VERSION):
                own_key = aside.records[FORMAT].removeprefix(VERSION)
            own_key = self._try(own_key)
            with self.env.begin(write=True) as txn:
                merge(txn, [(name, value) for name, value in aside.records.items() if name != FORMAT])
        except (OSError, lmdb.Error) as second:
            raise StateError(f"{self.file}: is broken ({error}) and cannot be set aside: {second}") from second
        return own_key

    def _try(self, own_key: bytes) -> bytes:
        self._env = lmdb.open(
            str(self._directory),
            map_size=self._size,
            mode=0o600,
            max_dbs=0,
            writemap=True,
            map_async=True,
            sync=False,
            metasync=False,
        )
        self._env.reader_check()  # a reader that was killed would pin old pages and let the file grow
        return self._prepare(own_key)

    def _prepare(self, own_key: bytes) -> bytes:
        """Checks or writes the records of the file itself, takes the space, and gives the file's own key."""
        with self.env.begin(write=True) as txn:
            self._mutex = MutexView(self._directory / "lock.mdb")
            found = txn.get(FORMAT)
            if found is None and self.env.stat()["entries"]:
                raise StateError(f"{self.file}: holds something else; name another path")
            if found is not None and not found.startswith(VERSION):
                version = found.split(b"\n")[0].decode("ascii", "replace")
                sentence = f"was written by another version ({version!r}, this one writes {VERSION.strip().decode()!r})"
                if not self._marker.alone:
                    raise StateError(f"{self.file}: {sentence} and is in use; name another path")
                raise lmdb.VersionMismatchError(sentence)
            self.is_new = found is None and self.set_aside is None
            if found is None:
                found = VERSION + (own_key or os.urandom(32))
                txn.put(FORMAT, found)
            self._allocate()
        return found.removeprefix(VERSION)

    def _allocate(self) -> None:
        if not hasattr(os, "posix_fallocate"):
            return  # a system for development
        handle = os.open(self.file, os.O_RDWR | os.O_CLOEXEC)
        try:
            if os.fstat(handle).st_blocks * 512 < self._size:
                os.posix_fallocate(handle, 0, self._size)
        except OSError as error:
            raise StateError(f"{self.file}: there is no room for its {self._size} bytes: {error.strerror}") from error
        finally:
            os.close(handle)

    def usage(self) -> tuple[int, int, int]:
        """Records, bytes in use, and bytes in all."""
        stat, info = self.env.stat(), self.env.info()
        used = stat["psize"] * (stat["leaf_pages"] + stat["branch_pages"] + stat["overflow_pages"])
        return max(0, stat["entries"] - len(OWN_RECORDS)), used, info["map_size"]

    def close(self) -> None:
        """Closes the file; the last process to leave brings it to disk."""
        self._marker.release(lambda: self.env.sync(True))
        self._close()
        self.lock.close()

    def abandon(self) -> None:
        """Closes the file without a word on its state, which the next process judges."""
        self._close()
        self._marker.abandon()
        self.lock.close()

    def _close(self) -> None:
        env, self._env = self._env, None
        if env is not None:
            env.close()
        mutex, self._mutex = self._mutex, None
        if mutex is not None:
            mutex.close()
