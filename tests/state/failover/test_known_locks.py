"""The locks that a gateway knows without Redis, by themselves."""

from pathlib import Path

import pytest

from gateway.state.failover.known_locks import KnownLocks
from gateway.state.memory.store import MemoryStore
from gateway.state.redis.lockouts import MOST_UNLOCKS, KnownLock, LockSnapshot
from gateway.state.rules.lockout import Reserved
from tests.state.attempts import NOON, account, guess

FREE = Reserved(True, 0.0, 2)
LOCK = KnownLock("account:ada", 1, NOON, NOON + 60, 3, NOON + 86_460)
LOCKED = LockSnapshot("1", {LOCK.name: LOCK}, {})


def name_of(kind: str, key: bytes) -> str:
    return f"{kind}:{key.decode()}"


@pytest.fixture
def local() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def known(local: MemoryStore) -> KnownLocks:
    return KnownLocks(name_of, local, None)


def test_a_known_lock_holds_until_its_end(known: KnownLocks) -> None:
    known.replace(LOCKED)
    assert known.applied(account(), FREE, NOON + 59) == Reserved(False, NOON + 60, 0)
    assert known.applied(account(b"bob"), FREE, NOON + 59) == FREE
    assert known.applied(account(), FREE, NOON + 60) == FREE


def test_of_two_locks_the_later_end_holds(known: KnownLocks) -> None:
    known.replace(LOCKED)
    assert known.applied(account(), Reserved(False, NOON + 600, 0), NOON).locked_until == NOON + 600


def test_a_clock_that_was_set_back_makes_no_known_lock_longer(known: KnownLocks) -> None:
    known.replace(LOCKED)
    known.applied(account(), FREE, NOON + 60)
    assert known.applied(account(), FREE, NOON - 3600) == FREE


def test_a_lock_that_was_unlocked_here_or_waived_by_another_worker_is_none(
    known: KnownLocks, local: MemoryStore
) -> None:
    known.replace(LOCKED)
    known.unlock("account:ada", NOON + 1)
    assert known.applied(account(), FREE, NOON + 2) == FREE
    assert known.not_unlocked() == []
    known.replace(LOCKED)
    local.waive("account", b"ada", NOON + 1)
    assert known.applied(account(), FREE, NOON + 2) == FREE


def test_an_unlock_elsewhere_is_carried_out_here_at_the_next_attempt(known: KnownLocks, local: MemoryStore) -> None:
    for _ in range(3):
        guess(local, NOON)
    known.replace(LOCKED)
    known.replace(LockSnapshot("2", {}, {"account:ada": NOON + 1}))
    known.unlock_locally([account(b"bob")], NOON + 2)
    assert len(local.locks(NOON + 2, 10)) == 1
    known.unlock_locally([account()], NOON + 2)
    assert local.locks(NOON + 2, 10) == []


def test_unlocks_from_before_this_process_were_carried_out_then(known: KnownLocks, local: MemoryStore) -> None:
    for _ in range(3):
        guess(local, NOON)
    known.replace(LockSnapshot("2", {}, {"account:ada": NOON - 60}))
    known.unlock_locally([account()], NOON)
    assert len(local.locks(NOON, 10)) == 1


def test_locks_are_listed_once_whether_they_are_known_or_of_this_host(known: KnownLocks, local: MemoryStore) -> None:
    for _ in range(3):
        guess(local, NOON)
    for _ in range(3):
        guess(local, NOON + 1, account(b"bob"))
    known.replace(LOCKED)
    assert sorted(lock.since for lock in known.locks(NOON + 2, 10)) == [NOON, NOON + 1]
    assert len(known.locks(NOON + 2, 1)) == 1


def test_they_are_kept_in_the_file(local: MemoryStore, tmp_path: Path) -> None:
    KnownLocks(name_of, local, tmp_path / "locks").replace(LOCKED)
    after = KnownLocks(name_of, local, tmp_path / "locks")
    after.load()
    assert after.is_locked("account:ada", NOON)


def test_unlocks_that_a_server_makes_up_fill_no_memory(known: KnownLocks, local: MemoryStore) -> None:
    known.replace(LOCKED)
    for pull in range(4):
        made_up = {f"account:{pull}-{number}": NOON for number in range(MOST_UNLOCKS)}
        known.replace(LOCKED._replace(version=str(pull), unlocked=made_up))
    assert len(known._to_unlock) == MOST_UNLOCKS
    assert guess(local, NOON, account(b"3-9", failures=1))
    known.unlock_locally([account(b"3-9", failures=1)], NOON)
    assert local.reserve([account(b"3-9", failures=1)], NOON)[0].ok, "the newest are known"
