"""The embedded store: all that the workers of a host share, in one file of LMDB."""

from __future__ import annotations

from pathlib import Path

from gateway.state.lmdb.capacity import Capacity
from gateway.state.lmdb.circuits import LmdbCircuits
from gateway.state.lmdb.file import StateFile
from gateway.state.lmdb.limits import LmdbLimits
from gateway.state.lmdb.lockouts import LmdbLockouts
from gateway.state.lmdb.revocations import LmdbRevocations

SIZE = 64 * 1024 * 1024
"""Bytes of the file: about 1.2 million live keys of some 50 bytes each."""


class LmdbStore:
    """See ``Store``. Opens or makes the store in ``directory``; ``key`` and ``size`` as for ``StateFile``. Raises
    StateError."""

    def __init__(self, directory: Path, key: bytes | None = None, size: int = SIZE) -> None:
        self.file = StateFile(directory, key, size)
        self.capacity = Capacity(self.file)
        try:
            self._revocations = LmdbRevocations(self.file, self.capacity, directory / "revocations")
        except BaseException:
            self.file.abandon()
            raise
        # The verbs are those of the parts, without a frame in between: a take is on the way of every request.
        limits = LmdbLimits(self.file, self.capacity)
        self.take = limits.take
        self.group_commit = limits.group_commit
        lockouts = LmdbLockouts(self.file, self.capacity)
        self.reserve, self.settle = lockouts.reserve, lockouts.settle
        self.locks, self.unlock = lockouts.locks, lockouts.unlock
        self.waive, self.waived_at = lockouts.waive, lockouts.waived_at
        circuits = LmdbCircuits(self.file, self.capacity)
        self.admit, self.record_outcome = circuits.admit, circuits.record_outcome
        self.force, self.circuit = circuits.force, circuits.circuit
        revocations = self._revocations
        self.revoke, self.merge_revocations = revocations.revoke, revocations.merge_revocations
        self.revocations, self.generation = revocations.revocations, revocations.generation
        self.revocation_name = revocations.revocation_name
        self.sweep, self.stats = self.capacity.sweep, self.capacity.stats

    @property
    def forgot(self) -> bool:
        """Whether the records found were given up because the machine had crashed since they were written."""
        return self.file.forgot

    def close(self) -> None:
        """See ``StoreMaintenance.close``. The last process to leave brings the file to disk."""
        self.file.close()
        self._revocations.close()
