"""The file of the embedded store, shared by all worker processes of a host (this room is lmdb's door).

A write transaction of LMDB takes one robust mutex that the processes share, so a take is exact over all workers, and a
worker that dies inside one only throws that transaction away. Nothing waits for the disk: records survive the processes,
but not a crash of the machine (``state.lmdb.clean_shutdown``). No read transaction is ever opened, because a reader that
was killed would pin old pages and let the file grow.

A record's name is one letter for its kind and the keyed hash of what it is about. Its value begins with the moment from
which it means nothing any more, in ticks, so that a sweep needs to know nothing else of it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from struct import Struct

import lmdb

from gateway.state.lmdb.clean_shutdown import CleanShutdownMarker
from gateway.state.rules.digest import condensed, digester
from gateway.state.rules.monotonic import MonotonicWallClock
from gateway.state.store import StateError

LIMIT = b"r"
COUNTED = b"s"  # attempts that only count
LOCKED = b"t"  # attempts from the first lock to the end of its quiet day
CIRCUIT = b"u"
WAIVED = b"v"
REVOKED = b"w"
BY_MONOTONIC_CLOCK = (COUNTED, LOCKED, WAIVED)
"""Records whose expiry is a moment of the monotonic clock."""

PACK_EXPIRY = Struct("<d").pack
UNPACK_EXPIRY = Struct("<d").unpack_from

OWN_RECORDS = 2  # the format and the clock; their names are longer than a letter and sort before all others
_FORMAT = b"format"
_CLOCK = b"clock"
_VERSION = b"tutor-gateway state 1\n"
_CLOCK_VALUE = Struct("<dd")
_CLOCK_STEP = 0.25  # seconds between two writes of the clock


class StateFile:
    """Opens or makes the file in ``directory`` (0700, its files 0600; parents are made), once in each process and after
    the process has forked.

    ``key`` is the secret under which names are hashed; without one the file holds a key of its own. ``size`` in bytes is
    taken from the disk at once, so that a full disk is an error now and not a bus error later. Raises StateError.
    """

    def __init__(self, directory: Path, key: bytes | None, size: int) -> None:
        self._directory = directory
        self._size = size
        self._closed = False
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._marker = CleanShutdownMarker(directory, self._forget)
        except OSError as error:
            raise StateError(f"{directory}: cannot be used for the state: {error.strerror}") from error
        try:
            self._env = self._open()
        except BaseException:
            self._marker.abandon()
            raise
        try:
            own = self._prepare()
        except BaseException:
            self.abandon()
            raise
        self.digest = digester(condensed(key) if key else own)
        """The keyed hash of some bytes, 16 bytes."""
        self.begin: Callable[[], lmdb.Transaction] = partial(self._env.begin, None, None, True)
        """Begins a write transaction."""

    @property
    def forgot(self) -> bool:
        """Whether the records found were given up because the machine had crashed since they were written."""
        return self._marker.forgot

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

    def _prepare(self) -> bytes:
        """Checks or writes the records of the file itself, takes the space, and gives the file's own key."""
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
            if txn.get(_CLOCK) is None:
                txn.put(_CLOCK, _CLOCK_VALUE.pack(*MonotonicWallClock()))
            self._allocate(file)
        return found.removeprefix(_VERSION)

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

    def usage(self) -> tuple[int, int, int]:
        """Records, bytes in use, and bytes in all."""
        stat, info = self._env.stat(), self._env.info()
        used = stat["psize"] * (stat["leaf_pages"] + stat["branch_pages"] + stat["overflow_pages"])
        return stat["entries"] - OWN_RECORDS, used, info["map_size"]

    @property
    def last_page(self) -> int:
        """The number of the last page that was ever used."""
        return int(self._env.info()["last_pgno"])

    def close(self) -> None:
        """Closes the file; the last process to leave brings it to disk. Calling it twice is harmless."""
        if not self._closed:
            self._closed = True
            self._marker.release(lambda: self._env.sync(True))
            self._env.close()

    def abandon(self) -> None:
        """Closes the file without a word on its state, which the next process judges."""
        self._env.close()
        self._marker.abandon()


def advance_clock(txn: lmdb.Transaction, now: float, keep: bool = True) -> MonotonicWallClock:
    """The monotonic clock of all workers at this one's ``now``. ``keep``: written down, by the quarter of a second."""
    value = txn.get(_CLOCK)
    before = MonotonicWallClock(*_CLOCK_VALUE.unpack(value)) if value is not None else MonotonicWallClock()
    after = before.advanced(now)
    if keep and (after.ahead != before.ahead or after.latest > before.latest + _CLOCK_STEP):
        txn.put(_CLOCK, _CLOCK_VALUE.pack(*after))
    return after
