"""Revocations in memory."""

from gateway.state.memory.store import MemoryStore
from gateway.state.rules.revocation import MOST

NOON = 1_750_000_000.0


def test_they_are_bounded_and_make_room_when_they_expire() -> None:
    store = MemoryStore()
    made = [store.revoke("subject", b"%d" % number, NOON + 10, NOON) for number in range(20)]
    assert all(made)
    assert len(store.revocations(NOON)) == 20 < MOST
    before = store.generation()
    assert store.revoke("subject", b"late", NOON + 60, NOON + 20)
    assert len(store.revocations(NOON + 20)) == 1
    assert store.generation() > before
