"""Limits in memory."""

from gateway.state.memory.limits import is_whole
from gateway.state.memory.store import MemoryStore
from gateway.state.rules.gcra import Take

NOON = 1_750_000_000.0


def test_a_burst_that_is_whole_again_is_forgotten() -> None:
    store = MemoryStore()
    store.take([Take(b"one", 1, 5, 60.0, 5)], NOON)
    assert [store.sweep(NOON + 11, 10), store.sweep(NOON + 12, 10), store.stats().records] == [0, 1, 0]


def test_a_take_of_nothing_leaves_no_record() -> None:
    store = MemoryStore(capacity=1)
    refused = Take(b"greedy", 6, 5, 60.0, 5)
    assert not store.take([refused], NOON)[0].ok
    assert store.stats().records == 0
    assert is_whole(0, NOON)
