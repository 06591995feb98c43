"""Circuits in a dictionary: one for each upstream, so they are kept while the store has no room for new keys."""

from __future__ import annotations

from gateway.state.rules import circuit as rules
from gateway.state.rules.circuit import Admitted, Circuit, Trip


class MemoryCircuits:
    """See ``CircuitStore``."""

    def __init__(self) -> None:
        self._circuits: dict[bytes, Circuit] = {}

    def admit(self, name: bytes, trip: Trip, now: float) -> Admitted:
        """See ``CircuitStore.admit``."""
        admitted = rules.admit(self.circuit(name, now), trip, now)
        self._circuits[name] = admitted.circuit
        return admitted

    def record_outcome(
        self, name: bytes, trip: Trip, epoch: int, failed: bool | None, now: float
    ) -> tuple[Circuit, str]:
        """See ``CircuitStore.record_outcome``."""
        before = self.circuit(name, now)
        after = self._circuits[name] = rules.record_outcome(before, trip, epoch, failed, now)
        return after, before.state

    def force(self, name: bytes, state: str, now: float) -> tuple[Circuit, str]:
        """See ``CircuitStore.force``."""
        before = self.circuit(name, now)
        after = self._circuits[name] = rules.force(before, state, now)
        return after, before.state

    def circuit(self, name: bytes, now: float) -> Circuit:
        """See ``CircuitStore.circuit``."""
        return rules.current(self._circuits.get(name), now)
