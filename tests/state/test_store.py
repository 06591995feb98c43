"""What every store promises: one suite over all of them."""

import pytest

from gateway.state.memory.store import MemoryStore
from gateway.state.rules.gcra import Take
from gateway.state.store import Store

NOON = 1_767_268_800.0


def five_a_minute(key: bytes = b"ada", cost: int = 1, burst: int = 5) -> Take:
    return Take(key, cost, 5, 60.0, burst)


def test_five_pass_at_once_then_one_every_twelve_seconds(store: Store) -> None:
    for left in (4, 3, 2, 1, 0):
        (taken,) = store.take([five_a_minute()], NOON)
        assert taken.ok
        assert taken.remaining == left
        assert taken.retry_after == 0.0
        assert taken.reset == 12.0 * (5 - left)
    (taken,) = store.take([five_a_minute()], NOON)
    assert not taken.ok
    assert taken.retry_after == 12.0
    assert taken.remaining == 0
    assert taken.reset == 60.0
    (taken,) = store.take([five_a_minute()], NOON + 11.999)
    assert not taken.ok
    assert taken.retry_after == pytest.approx(0.001, abs=1e-6)
    assert store.take([five_a_minute()], NOON + 12)[0].ok
    assert not store.take([five_a_minute()], NOON + 12)[0].ok


def test_burst_is_what_passes_at_once_and_limit_what_lasts(store: Store) -> None:
    take = Take(b"client", 1, 300, 60.0, 60)
    assert sum(store.take([take], NOON)[0].ok for _ in range(100)) == 60
    assert sum(store.take([take], NOON + 1)[0].ok for _ in range(100)) == 5
    assert sum(store.take([take], NOON + 3601)[0].ok for _ in range(100)) == 60


def test_refused_takes_cost_nothing(store: Store) -> None:
    for _ in range(50):
        store.take([five_a_minute()], NOON)
    assert store.take([five_a_minute()], NOON + 12)[0].ok


def test_a_cost_is_taken_whole_or_not_at_all(store: Store) -> None:
    assert store.take([five_a_minute(cost=3)], NOON)[0].remaining == 2
    (taken,) = store.take([five_a_minute(cost=3)], NOON)
    assert not taken.ok
    assert taken.remaining == 2
    assert taken.retry_after == 12.0
    assert store.take([five_a_minute(cost=3)], NOON + 12)[0].ok


def test_a_cost_over_the_burst_never_passes_and_says_so(store: Store) -> None:
    (taken,) = store.take([five_a_minute(cost=6)], NOON)
    assert not taken.ok
    assert taken.retry_after == 0.0
    assert taken.remaining == 5


def test_several_takes_are_all_charged_or_none(store: Store) -> None:
    both = [five_a_minute(b"address"), five_a_minute(b"account", burst=1)]
    assert [taken.ok for taken in store.take(both, NOON)] == [True, True]
    first, second = store.take(both, NOON)
    assert (first.ok, first.remaining, first.reset, first.retry_after) == (True, 4, 12.0, 0.0)
    assert (second.ok, second.retry_after) == (False, 12.0)
    assert store.take([five_a_minute(b"address", cost=0)], NOON)[0].remaining == 4
    assert [taken.ok for taken in store.take(both, NOON + 12)] == [True, True]


def test_each_refused_take_has_its_own_wait(store: Store) -> None:
    both = [five_a_minute(b"slow", burst=1), Take(b"fast", 1, 60, 60.0, 1)]
    store.take(both, NOON)
    assert [taken.retry_after for taken in store.take(both, NOON)] == [12.0, 1.0]


def test_one_key_twice_in_a_call_is_a_mistake_of_the_caller(store: Store) -> None:
    with pytest.raises(ValueError, match="the same key"):
        store.take([five_a_minute(), five_a_minute()], NOON)
    assert store.take([five_a_minute()], NOON)[0].remaining == 4


def test_keys_are_apart(store: Store) -> None:
    for key in (b"", b"\0", b"a" * 5000, "ärger".encode(), b"a" * 5001):
        assert store.take([five_a_minute(key, burst=1)], NOON)[0].ok
        assert not store.take([five_a_minute(key, burst=1)], NOON)[0].ok


def test_a_clock_that_steps_back_neither_locks_out_nor_lets_flood(store: Store) -> None:
    for _ in range(3):
        store.take([five_a_minute()], NOON)
    hour_ago = NOON - 3600
    (taken,) = store.take([five_a_minute()], hour_ago)
    assert not taken.ok
    assert taken.retry_after == 12.0
    assert store.take([five_a_minute()], hour_ago + 12)[0].ok
    assert sum(store.take([five_a_minute()], hour_ago + 72)[0].ok for _ in range(20)) == 5


def test_a_clock_that_steps_back_is_mended_for_every_key_of_a_refused_call(store: Store) -> None:
    both = [five_a_minute(b"one"), five_a_minute(b"other", burst=1)]
    assert all(taken.ok for taken in store.take(both, NOON))
    assert not any(taken.ok for taken in store.take(both, NOON - 3600))
    assert all(taken.ok for taken in store.take(both, NOON - 3588))


def test_a_key_that_conforms_is_mended_too_though_another_is_refused(store: Store) -> None:
    store.take([five_a_minute(b"one")], NOON)
    free, refused = store.take([five_a_minute(b"one", cost=0), five_a_minute(b"other", cost=6)], NOON - 3600)
    assert (free.ok, refused.ok) == (True, False)
    assert store.take([five_a_minute(b"one")], NOON - 3588)[0].ok


def test_clocks_a_little_apart_do_not_give_anything_away(store: Store) -> None:
    for _ in range(5):
        store.take([five_a_minute()], NOON)
    assert not store.take([five_a_minute()], NOON - 0.5)[0].ok
    assert store.take([five_a_minute(cost=0)], NOON)[0].reset == 60.0


def test_a_smaller_burst_holds_for_buckets_filled_under_the_larger(store: Store) -> None:
    large = Take(b"client", 1, 60, 60.0, 60)
    small = large._replace(burst=2)
    for _ in range(60):
        store.take([large], NOON)
    assert store.take([small], NOON)[0].retry_after == 1.0
    assert store.take([small], NOON + 1)[0].ok


def test_sweep_removes_what_has_run_out_and_nothing_else(local: Store) -> None:
    for number in range(100):
        local.take([five_a_minute(b"%d" % number, cost=1 + number % 2)], NOON)
    assert local.stats().records == 100
    assert local.sweep(NOON + 11, 1000) == 0
    assert local.sweep(NOON + 12, 1000) == 50
    assert local.stats().records == 50
    assert local.take([five_a_minute(b"1")], NOON + 12)[0].reset == 24.0
    assert local.sweep(NOON + 24, 1000) == 49
    assert local.stats().records == 1


def test_sweep_goes_on_where_it_stopped(local: Store) -> None:
    for number in range(1000):
        local.take([five_a_minute(b"%d" % number)], NOON)
    gone = [local.sweep(NOON + 60, 300) for _ in range(6)]
    assert max(gone) == 300
    assert sum(gone) == 1000
    assert local.stats().records == 0
    assert local.sweep(NOON + 60, 300) == 0


def test_sweep_gets_past_records_that_live(local: Store) -> None:
    for number in range(400):
        local.take([five_a_minute(b"%d" % number, cost=5 if number % 4 else 1)], NOON)
    assert sum(local.sweep(NOON + 30, 40) for _ in range(24)) == 100


def test_stats_give_room_and_use(local: Store) -> None:
    empty = local.stats()
    for number in range(500):
        local.take([five_a_minute(b"%d" % number)], NOON)
    full = local.stats()
    assert (empty.records, full.records) == (0, 500)
    assert empty.used < full.used < full.size
    assert full.refused_full == 0


def test_close_twice(store: Store) -> None:
    store.close()
    store.close()


def test_the_store_in_memory_keeps_what_it_knows_and_refuses_strangers_when_it_is_full() -> None:
    store = MemoryStore(capacity=2)
    one, other, third = (Take(key, 1, 5, 60.0, 5) for key in (b"one", b"other", b"third"))
    assert all(taken.ok for taken in store.take([one, other], NOON))
    (taken,) = store.take([third], NOON)
    assert (taken.ok, taken.full, taken.retry_after) == (False, True, 1.0)
    assert store.stats().refused_full == 1
    assert store.take([one], NOON)[0].ok
    assert store.take([third], NOON + 12)[0].ok
