"""Attempts at something that can be guessed: what every store promises."""

import pytest

from gateway.state.memory.store import MemoryStore
from gateway.state.rules.lockout import Attempt
from gateway.state.store import Store
from tests.state.attempts import NOON, account, address, guess

DAY = 86_400.0


def test_failures_lock_for_a_time_and_the_count_begins_anew(store: Store) -> None:
    assert [guess(store, NOON + step) for step in range(5)] == [True, True, True, False, False]
    (answer,) = store.reserve([account()], NOON + 10)
    assert answer == (False, NOON + 62, 0, False)
    assert not guess(store, NOON + 61.9)
    assert [guess(store, NOON + 62 + step) for step in range(5)] == [True, True, True, False, False]


def test_left_is_how_many_attempts_are_left(store: Store) -> None:
    assert [store.reserve([account()], NOON)[0].left for _ in range(3)] == [2, 1, 0]
    assert store.reserve([account()], NOON)[0] == (False, 0.0, 0, False)


def test_attempts_on_their_way_count_like_failures(store: Store) -> None:
    assert [store.reserve([account()], NOON)[0].ok for _ in range(200)].count(True) == 3
    store.settle([account()], None, NOON)
    assert [store.reserve([account()], NOON)[0].ok for _ in range(200)].count(True) == 1
    assert store.locks(NOON, 10) == []


def test_a_reservation_that_nobody_settles_counts_for_as_long_as_a_failure(store: Store) -> None:
    for _ in range(3):
        store.reserve([account()], NOON)
    assert not guess(store, NOON + 899)
    assert [guess(store, NOON + 900) for _ in range(5)].count(True) == 3


def test_a_success_clears_the_account_and_gives_an_address_only_its_attempt_back(store: Store) -> None:
    both = address(failures=3), account()
    assert guess(store, NOON, *both)
    assert guess(store, NOON, *both)
    assert guess(store, NOON, *both, failed=False)
    assert store.reserve([account()], NOON)[0].left == 2
    assert store.reserve([address(failures=3)], NOON)[0].left == 0


def test_no_verdict_gives_the_attempt_back_and_clears_nothing(store: Store) -> None:
    guess(store, NOON)
    for _ in range(20):
        assert guess(store, NOON, failed=None)
    assert store.reserve([account()], NOON)[0].left == 1


def test_every_failure_counts_for_exactly_its_time(store: Store) -> None:
    assert guess(store, NOON)
    assert guess(store, NOON + 800)
    assert guess(store, NOON + 901)
    assert store.locks(NOON + 901, 10) == []
    assert guess(store, NOON + 1699)
    assert len(store.locks(NOON + 1699, 10)) == 1


def test_nothing_is_reserved_when_one_of_several_is_refused(store: Store) -> None:
    for _ in range(3):
        guess(store, NOON)
    free, locked = store.reserve([address(), account()], NOON)
    assert free == (True, 0.0, 5, False)
    assert (locked.ok, locked.locked_until) == (False, NOON + 60)
    assert store.reserve([address()], NOON)[0].left == 4


def test_a_key_may_come_several_times_in_a_call(store: Store) -> None:
    assert [answer.left for answer in store.reserve([account()] * 3, NOON)] == [2, 1, 0]
    store.settle([account()] * 2, True, NOON)
    assert store.locks(NOON, 10) == []
    store.settle([account()], True, NOON)
    assert len(store.locks(NOON, 10)) == 1
    answers = store.reserve([account(b"bob")] * 4, NOON)
    assert [answer.ok for answer in answers] == [True, True, True, False]
    assert store.reserve([account(b"bob")], NOON)[0].left == 2


def test_further_locks_are_longer_until_a_quiet_day(store: Store) -> None:
    def lock(now: float) -> float:
        while guess(store, now, account(lock_for=(60.0, 900.0, 3600.0))):
            pass
        (held,) = store.locks(now, 10)
        return held.until - now

    assert lock(NOON) == 60.0
    assert lock(NOON + 60) == 900.0
    assert lock(NOON + 960) == 3600.0
    assert lock(NOON + 4560) == 3600.0
    assert lock(NOON + 8160 + DAY) == 60.0


def test_a_failure_breaks_the_quiet_and_a_success_does_not_make_up_for_a_lock(store: Store) -> None:
    twice = account(lock_for=(60.0, 900.0))
    for _ in range(3):
        guess(store, NOON, twice)
    guess(store, NOON + 2 * 3600, twice)
    assert guess(store, NOON + DAY, twice, failed=False)
    for _ in range(3):
        guess(store, NOON + DAY + 3600, twice)
    (held,) = store.locks(NOON + DAY + 3600, 10)
    assert held.until == NOON + DAY + 3600 + 900


def test_locks_say_which_key_since_when_until_when_and_why(store: Store) -> None:
    for _ in range(5):
        guess(store, NOON, address("2001:db8::/64"))
    for number in range(3):
        guess(store, NOON + number, account())
    held = {lock.kind: lock for lock in store.locks(NOON + 2, 10)}
    assert held["address"] == (
        "address",
        "2001:db8::/64",
        NOON,
        NOON + 3600,
        5,
        "failed attempts from one address",
    )
    assert held["account"][2:] == (NOON + 2, NOON + 62, 3, "failed attempts on one account")
    assert len(bytes.fromhex(held["account"].who)) == 16
    assert len(store.locks(NOON + 2, 1)) == 1
    assert [lock.kind for lock in store.locks(NOON + 62, 10)] == ["address"]


def test_unlock_forgets_everything_at_once(store: Store) -> None:
    twice = account(lock_for=(60.0, 900.0))
    for _ in range(3):
        guess(store, NOON, twice)
    assert store.unlock("account", b"ada", NOON)
    assert not store.unlock("account", b"ada", NOON)
    assert not store.unlock("address", b"ada", NOON)
    assert store.locks(NOON, 10) == []
    for _ in range(3):
        assert guess(store, NOON, twice)
    assert store.locks(NOON, 10)[0].until == NOON + 60
    assert not guess(store, NOON, twice)


def test_a_verdict_after_an_unlock_or_out_of_nowhere_counts(local: Store) -> None:
    local.reserve([account()], NOON)
    local.unlock("account", b"ada", NOON)
    local.settle([account()], True, NOON)
    assert local.reserve([account()], NOON)[0].left == 1
    local.settle([account(b"bob")], None, NOON)
    local.settle([account(b"bob")], False, NOON)
    assert local.stats().records == 1


def test_kinds_and_keys_are_apart(store: Store) -> None:
    for kind in ("account", "pair", "address"):
        for key in (b"", b"a", b"a" * 5000):
            attempt = Attempt(key, kind, 1, 60.0, (60.0,))
            assert guess(store, NOON, attempt)
            assert not guess(store, NOON, attempt)


def test_a_clock_that_steps_back_makes_no_lock_longer(store: Store) -> None:
    for _ in range(3):
        guess(store, NOON)
    hour_ago = NOON - 3600
    assert store.reserve([account()], hour_ago)[0].locked_until == pytest.approx(hour_ago + 60, abs=0.5)
    assert not guess(store, hour_ago)


def test_time_goes_on_from_the_moment_before_the_step(local: Store) -> None:
    """Redis goes by its own clock there, which no test moves."""
    for _ in range(3):
        guess(local, NOON)
    hour_ago = NOON - 3600
    assert local.reserve([account()], hour_ago)[0].locked_until == hour_ago + 60
    assert not guess(local, hour_ago + 59)
    assert guess(local, hour_ago + 60)
    guess(local, hour_ago + 959)
    assert local.reserve([account()], hour_ago - 3600)[0].left == 0
    local.settle([account()], None, hour_ago - 3600)
    assert local.reserve([account()], hour_ago - 3600 + 2)[0].left == 1


@pytest.mark.parametrize("back", [30.0, 3600.0, 30 * DAY])
def test_a_clock_that_steps_back_brings_no_lock_back_that_is_over(store: Store, back: float) -> None:
    for _ in range(3):
        guess(store, NOON)
    assert guess(store, NOON + 61)
    before = NOON + 61 - back
    assert store.locks(before, 10) == []
    assert guess(store, before)
    (made,) = store.settle(store_asked(store, before), True, before)
    assert (made.since, made.until) == (pytest.approx(before, abs=0.1), pytest.approx(before + 900, abs=0.1))
    (held,) = store.locks(before, 10)
    assert held.until == pytest.approx(before + 900, abs=0.1)


def store_asked(store: Store, now: float) -> list[Attempt]:
    """An attempt on the account, whose second lock is longer, and which is reserved."""
    asked = [account(lock_for=(60.0, 900.0))]
    assert store.reserve(asked, now)[0].ok
    return asked


def test_the_verdict_returns_the_locks_that_it_has_set(store: Store) -> None:
    set_by = []
    for _ in range(3):
        asked = [address(failures=3), account()]
        assert all(answer.ok for answer in store.reserve(asked, NOON))
        set_by.append(sorted(store.settle(asked, True, NOON)))
    assert set_by[:2] == [[], []]
    assert set_by[2] == sorted(store.locks(NOON, 10))
    assert len(set_by[2]) == 2
    assert list(store.settle([account()], None, NOON)) == []


def test_sweep_removes_what_has_run_out_and_nothing_else(local: Store) -> None:
    for number in range(100):
        guess(local, NOON, account(b"%d" % number))
    for _ in range(3):
        guess(local, NOON, account(b"locked"))
    assert local.stats().records == 101
    assert local.sweep(NOON + 899, 1000) == 0
    assert local.sweep(NOON + 900, 1000) == 100
    assert local.sweep(NOON + DAY + 59, 1000) == 0
    assert local.sweep(NOON + DAY + 60, 1000) == 1
    assert local.stats().records == 0


def test_a_success_leaves_no_record(local: Store) -> None:
    assert guess(local, NOON, failed=False)
    assert local.stats().records == 0


def test_memory_refuses_strangers_when_it_is_full() -> None:
    store = MemoryStore(capacity=2)
    assert guess(store, NOON)
    assert guess(store, NOON, account(b"bob"))
    assert store.reserve([account(b"eve")], NOON)[0].full
    assert guess(store, NOON)
    assert not store.reserve([account(b"eve")], NOON + 900)[0].full


def test_a_lock_is_listed_under_the_name_of_its_key(store: Store) -> None:
    while guess(store, NOON):
        pass
    (lock,) = store.locks(NOON, 10)
    assert lock.who == store.lock_name(lock.kind, account().key)
    assert store.lock_name(lock.kind, b"another") != lock.who
