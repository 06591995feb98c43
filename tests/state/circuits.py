"""A circuit for the tests of the stores, and one call through it."""

from gateway.state.rules.circuit import OPEN, Trip
from gateway.state.store import CircuitStore

NOON = 1_767_268_800.0


TRIP = Trip(failures=3, ratio=0.0, window=60.0, min_volume=10, recover_after=60.0, successes=2, probe_timeout=30.0)


def call(store: CircuitStore, failed: bool | None, now: float = NOON, trip: Trip = TRIP) -> bool:
    admitted = store.admit(b"stt", trip, now)
    if admitted.ok:
        store.record_outcome(b"stt", trip, admitted.epoch, failed, now)
    return bool(admitted.ok)


def opened(store: CircuitStore) -> CircuitStore:
    for _ in range(3):
        assert call(store, True)
    assert store.circuit(b"stt", NOON).state == OPEN
    return store
