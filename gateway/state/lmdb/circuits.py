"""Circuits in LMDB: one record each, read and written in one transaction of all workers.

They are few, one per upstream, so they are kept even while the store has no room for new keys.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from struct import error as StructError

from gateway.state.lmdb.capacity import Capacity
from gateway.state.lmdb.file import StateFile
from gateway.state.lmdb.names import CIRCUIT, RecordDamaged
from gateway.state.rules import circuit as rules
from gateway.state.rules.circuit import CLOSED, NEW, OPEN, STATES, Admitted, Circuit, Trip
from gateway.state.rules.gcra import ticks

_HEAD = Struct("<dBIIIdddd")  # expiry (ticks), state, epoch, failures, good, opened, retry, probe, expires
_SLOT = Struct("<QII")
_MOST = 0xFFFF_FFFF
_FORCED = ("", CLOSED, OPEN)  # in the upper half of the state's byte
_REMEMBERED = 1024  # names that are not hashed anew


def packed(circuit: Circuit) -> bytes:
    """A circuit as it is stored."""
    head = _HEAD.pack(
        ticks(circuit.expires),
        STATES.index(circuit.state) | _FORCED.index(circuit.forced) << 4,
        circuit.epoch & _MOST,
        min(circuit.failures, _MOST),
        min(circuit.good, _MOST),
        circuit.opened_at,
        circuit.retry_at,
        circuit.probe_until,
        circuit.expires,
    )
    return head + b"".join(_SLOT.pack(*slot) for slot in circuit.slots)


def unpacked(value: bytes | memoryview) -> Circuit:
    """The circuit that ``packed`` wrote. Raises RecordDamaged."""
    try:
        _, state, epoch, failures, good, opened, retry, probe, expires = _HEAD.unpack_from(value)
        slots = tuple(_SLOT.iter_unpack(value[_HEAD.size :]))
        forced = _FORCED[state >> 4]
        return Circuit(STATES[state & 15], epoch, failures, good, opened, retry, probe, expires, slots, forced)
    except (StructError, IndexError) as error:
        raise RecordDamaged(f"no circuit: {error}") from error


class LmdbCircuits:
    """See ``CircuitStore``."""

    def __init__(self, file: StateFile, capacity: Capacity) -> None:
        self._file = file
        self._capacity = capacity
        record = lru_cache(maxsize=_REMEMBERED)(lambda name: CIRCUIT + file.digest(b"circuit\0" + name))
        self._record: Callable[[bytes], bytes] = record
        file.on_new_key.append(record.cache_clear)

    def admit(self, name: bytes, trip: Trip, now: float) -> Admitted:
        """See ``CircuitStore.admit``."""
        results: list[Admitted] = []

        def move(circuit: Circuit) -> Circuit:
            results.append(rules.admit(circuit, trip, now))
            return results[-1].circuit

        self._move(name, move, now)
        return results[-1]

    def record_outcome(
        self, name: bytes, trip: Trip, epoch: int, failed: bool | None, now: float
    ) -> tuple[Circuit, str]:
        """See ``CircuitStore.record_outcome``."""
        before, after = self._move(name, lambda circuit: rules.record_outcome(circuit, trip, epoch, failed, now), now)
        return after, before.state

    def force(self, name: bytes, state: str, now: float) -> tuple[Circuit, str]:
        """See ``CircuitStore.force``."""
        before, after = self._move(name, lambda circuit: rules.force(circuit, state, now), now)
        return after, before.state

    def circuit(self, name: bytes, now: float) -> Circuit:
        """See ``CircuitStore.circuit``."""
        return self._move(name, lambda circuit: circuit, now)[1]

    def _move(self, name: bytes, move: Callable[[Circuit], Circuit], now: float) -> tuple[Circuit, Circuit]:
        """The circuit before and after ``move``. Without a free page it stays as it was: a breaker that cannot record
        anything protects nothing, but must not refuse either."""
        record = self._record(name)
        before = NEW
        while True:
            txn = self._file.begin()
            try:
                value = txn.get(record)
                before = rules.current(None if value is None else unpacked(value), now)
                after = move(before)
                if after == before:
                    self._file.abort(txn)
                else:
                    txn.put(record, packed(after))
                    self._file.commit(txn)
            except BaseException as error:
                if self._capacity.abort(txn, error):
                    continue
                return before, before
            return before, after
