"""How the embedded store keeps circuits: one record each, read and written in one transaction of all workers.

They are few, one per upstream, so they are kept even while the store has no room for strangers.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

from gateway.state.rules import circuit as circuits
from gateway.state.rules.circuit import CLOSED, NEW, OPEN, STATES, Admitted, Circuit, Trip
from gateway.state.rules.gcra import ticks

_LETTER = b"u"

_HEAD = Struct("<dBIIIdddd")  # when it dies (ticks), state, epoch, failures, good, opened, retry, probe, dies
_SLOT = Struct("<QII")
_MOST = 0xFFFF_FFFF
_FORCED = ("", CLOSED, OPEN)  # stands in the upper half of the state's byte


def packed(circuit: Circuit) -> bytes:
    """A circuit as it is stored; like every record it begins with the moment it dies."""
    head = _HEAD.pack(
        ticks(circuit.dies),
        STATES.index(circuit.state) | _FORCED.index(circuit.forced) << 4,
        circuit.epoch & _MOST,
        min(circuit.failures, _MOST),
        min(circuit.good, _MOST),
        circuit.opened_at,
        circuit.retry_at,
        circuit.probe_until,
        circuit.dies,
    )
    return head + b"".join(_SLOT.pack(*slot) for slot in circuit.slots)


def unpacked(value: bytes) -> Circuit:
    """The circuit that ``packed`` wrote."""
    _, state, epoch, failures, good, opened, retry, probe, dies = _HEAD.unpack_from(value)
    slots = tuple(_SLOT.iter_unpack(value[_HEAD.size :]))
    forced = _FORCED[state >> 4]
    return Circuit(STATES[state & 15], epoch, failures, good, opened, retry, probe, dies, slots, forced)


class BreakersStore:
    """The verbs about circuits, over what the store that inherits them gives."""

    _begin: Callable[..., Any]

    def _digest(self, of: bytes) -> bytes:
        raise NotImplementedError  # the store has it

    def _failed(self, txn: Any, error: BaseException) -> None:
        raise NotImplementedError  # the store has it

    def admit(self, name: bytes, trip: Trip, now: float) -> Admitted:
        """See ``Store.admit``."""
        answer: list[Admitted] = []

        def judge(circuit: Circuit) -> Circuit:
            answer.append(circuits.admit(circuit, trip, now))
            return answer[0].circuit

        self._move(name, judge, now)
        return answer[0]

    def record_outcome(
        self, name: bytes, trip: Trip, epoch: int, failed: bool | None, now: float
    ) -> tuple[Circuit, str]:
        """See ``Store.record_outcome``."""
        before, after = self._move(
            name, lambda circuit: circuits.record_outcome(circuit, trip, epoch, failed, now), now
        )
        return after, before.state

    def force(self, name: bytes, state: str, now: float) -> tuple[Circuit, str]:
        """See ``Store.force``."""
        before, after = self._move(name, lambda circuit: circuits.force(circuit, state, now), now)
        return after, before.state

    def circuit(self, name: bytes, now: float) -> Circuit:
        """See ``Store.circuit``."""
        return self._move(name, lambda circuit: circuit, now)[1]

    def _move(self, name: bytes, judge: Callable[[Circuit], Circuit], now: float) -> tuple[Circuit, Circuit]:
        """The circuit before and after ``judge``. Without a page free it stays as it was: a breaker that cannot take
        note protects nothing, but must not refuse either."""
        record = _LETTER + self._digest(b"circuit\0" + name)
        txn = self._begin(None, None, True)
        before = NEW
        try:
            value = txn.get(record)
            before = circuits.current(None if value is None else unpacked(value), now)
            after = judge(before)
            if after == before:
                txn.abort()
            else:
                txn.put(record, packed(after))
                txn.commit()
        except BaseException as error:
            self._failed(txn, error)
            return before, before
        return before, after
