"""The store of one process, where it differs from the contract: it counts its room in records."""

from gateway.state.rules.gcra import Take
from tests.memory_store import MemoryStore

NOON = 1_767_268_800.0


def test_a_full_store_keeps_what_it_knows_and_refuses_strangers() -> None:
    store = MemoryStore(capacity=2)
    one, other, third = (Take(key, 1, 5, 60.0, 5) for key in (b"one", b"other", b"third"))
    assert all(taken.ok for taken in store.take([one, other], NOON))
    (taken,) = store.take([third], NOON)
    assert (taken.ok, taken.full, taken.retry_after) == (False, True, 1.0)
    assert store.stats().refused_full == 1
    assert store.take([one], NOON)[0].ok
    assert store.take([third], NOON + 12)[0].ok
