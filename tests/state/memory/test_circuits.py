"""Circuits in memory."""

from gateway.state.memory.store import MemoryStore
from gateway.state.rules.circuit import CLOSED, OPEN

NOON = 1_750_000_000.0


def test_circuits_take_no_room_of_other_records() -> None:
    store = MemoryStore(capacity=0)
    after, before = store.force(b"tutor", OPEN, NOON)
    assert (after.state, before, store.circuit(b"other", NOON).state) == (OPEN, CLOSED, CLOSED)
    assert store.stats().records == 0
