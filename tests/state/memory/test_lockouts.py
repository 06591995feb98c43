"""Lockouts in memory."""

from gateway.state.memory.lockouts import WAIVED_FOR
from gateway.state.memory.store import MemoryStore

NOON = 1_750_000_000.0


def test_a_waiver_holds_for_a_day_and_is_swept_then() -> None:
    store = MemoryStore(capacity=1)
    for key in (b"one", b"other"):  # a full store takes it: an operator waits for it
        store.waive("account", key, NOON)
    assert store.waived_at("account", b"one", NOON + WAIVED_FOR - 1) == NOON
    assert store.waived_at("account", b"one", NOON + WAIVED_FOR) == 0.0
    assert store.sweep(NOON + WAIVED_FOR, 10) == 2
    assert store.stats().records == 0
