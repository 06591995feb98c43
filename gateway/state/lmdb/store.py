"""The embedded store: all that the workers of a host share, in one file of LMDB."""

from __future__ import annotations

from pathlib import Path

from gateway.state.lmdb.capacity import Capacity
from gateway.state.lmdb.circuits import LmdbCircuits
from gateway.state.lmdb.clock import FileClock
from gateway.state.lmdb.file import StateFile
from gateway.state.lmdb.limits import LmdbLimits
from gateway.state.lmdb.lockouts import LmdbLockouts
from gateway.state.lmdb.revocations import LmdbRevocations
from gateway.state.store import StoreCondition

SIZE = 64 * 1024 * 1024
"""Bytes of the file: about 1.2 million live keys of some 50 bytes each."""


class LmdbStore:
    """See ``Store``. Opens or makes the store in ``directory``; the other settings are those of ``StateFile``. Raises
    StateError."""

    def __init__(
        self,
        directory: Path,
        key: bytes | None = None,
        size: int = SIZE,
        *,
        clock: FileClock | None = None,
        stand_in: bool = False,
        distrust: bool = False,
    ) -> None:
        self.file = StateFile(directory, key, size, clock, stand_in, distrust)
        self.capacity = Capacity(self.file)
        try:
            self._revocations = LmdbRevocations(self.file, self.capacity, directory / "revocations", stand_in)
        except BaseException:
            self.file.abandon()
            raise
        # The verbs are those of the parts, without a frame in between: a take is on the way of every request.
        limits = LmdbLimits(self.file, self.capacity)
        self.take = limits.take
        self.group_commit = limits.group_commit
        lockouts = LmdbLockouts(self.file, self.capacity)
        self.reserve, self.settle = lockouts.reserve, lockouts.settle
        self.locks, self.unlock, self.lock_name = lockouts.locks, lockouts.unlock, lockouts.lock_name
        self.waive, self.waived_at = lockouts.waive, lockouts.waived_at
        circuits = LmdbCircuits(self.file, self.capacity)
        self.admit, self.record_outcome = circuits.admit, circuits.record_outcome
        self.force, self.circuit = circuits.force, circuits.circuit
        revocations = self._revocations
        self.revoke, self.merge_revocations = revocations.revoke, revocations.merge_revocations
        self.revocations, self.generation = revocations.revocations, revocations.generation
        self.revocation_name = revocations.revocation_name
        self.steady = self.file.clock.steady
        self.sweep, self.stats = self.capacity.sweep, self.capacity.stats

    @property
    def condition(self) -> StoreCondition:
        """See ``StoreMaintenance.condition``."""
        return self.file.condition

    def check(self) -> StoreCondition:
        """See ``StoreMaintenance.check``."""
        condition = self.file.check()
        if condition.events:
            self.capacity.reset()
        self._revocations.check()
        return condition

    @property
    def forgot(self) -> bool:
        """Whether the records found were given up because the machine had crashed since they were written."""
        return self.file.forgot

    def close(self) -> None:
        """See ``StoreMaintenance.close``. The last process to leave brings the file to disk."""
        self.file.close()
        self._revocations.close()
