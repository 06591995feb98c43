"""What hosts and Redis exchange: revocations at once, and locks and verdicts after an outage."""

import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from gateway.state.failover import reconcile
from gateway.state.failover.known_locks import KnownLocks
from gateway.state.failover.reconcile import Reconciler
from gateway.state.failover.store import FailoverStore
from gateway.state.lmdb.store import LmdbStore
from gateway.state.memory.store import MemoryStore
from gateway.state.redis.pipeline import Unreachable
from gateway.state.redis.store import RedisStore
from gateway.state.rules.revocation import RevocationTable
from tests.eventually import eventually
from tests.state.attempts import account
from tests.state.redis_fixture import KEY, Server, server
from tests.state.revocations import DAY, NOON, table


class Host:
    def __init__(self, url: str, folder: Path) -> None:
        self.local = LmdbStore(folder, KEY)
        self.view = RevocationTable(self.local)
        self.store = FailoverStore(RedisStore(url, KEY), self.local, wall=lambda: NOON + 1)

    def revoked(self, kind: str, key: bytes) -> bool:
        return self.view.name(kind, key) in table(self.view)


Start = Callable[[str, str], Host]


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Start]:
    made: list[Host] = []

    def make(url: str, folder: str) -> Host:
        made.append(Host(url, tmp_path / folder))
        return made[-1]

    yield make
    for one in made:
        await one.store.close()
        one.local.close()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Server]:
    with server(tmp_path / "redis") as one:
        yield one


async def test_revocations_reach_the_other_hosts_and_outlast_an_outage(redis: Server, host: Start) -> None:
    one, other = host(redis.url, "one"), host(redis.url, "other")
    for each in (one, other):
        await each.store.start()
    assert await one.store.revoke("subject", b"ada", NOON + DAY, NOON)
    assert one.revoked("subject", b"ada")
    await eventually(lambda: other.revoked("subject", b"ada"))
    redis.signal(signal.SIGKILL)
    assert await other.store.revoke("session", b"s1", NOON + DAY, NOON)
    assert other.revoked("session", b"s1")
    assert not one.revoked("session", b"s1")
    redis.start()  # empty
    await eventually(lambda: one.store.up and other.store.up)
    await eventually(lambda: one.revoked("session", b"s1"))
    fresh = host(redis.url, "fresh")
    await fresh.store.start()
    await eventually(lambda: fresh.revoked("session", b"s1") and fresh.revoked("subject", b"ada"))


async def test_a_revocation_of_an_outage_reaches_a_redis_that_has_lost_nothing(redis: Server, host: Start) -> None:
    """Its version is still the one that is known, so nothing would be compared."""
    one, other = host(redis.url, "one"), host(redis.url, "other")
    for each in (one, other):
        await each.store.start()
    assert await one.store.revoke("subject", b"ada", NOON + DAY, NOON)
    await eventually(lambda: other.revoked("subject", b"ada"))
    other.store.link.mark_down(Unreachable("as if it were away"))
    assert await other.store.revoke("session", b"s1", NOON + DAY, NOON)
    await eventually(lambda: other.store.up)
    await eventually(lambda: one.revoked("session", b"s1"))


async def test_an_operators_process_revokes_here_before_it_finds_redis_hung(redis: Server, host: Start) -> None:
    operators, worker = host(redis.url, "operators"), host(redis.url, "worker")
    await worker.store.start()
    redis.signal(signal.SIGSTOP)
    assert await operators.store.revoke("subject", b"ada", NOON + DAY, NOON)
    assert operators.revoked("subject", b"ada")
    redis.signal(signal.SIGCONT)
    await eventually(lambda: worker.revoked("subject", b"ada"))


async def test_what_happened_without_redis_is_carried_there_with_its_own_times(redis: Server, tmp_path: Path) -> None:
    remote, local = RedisStore(redis.url, KEY, timeout=5.0), MemoryStore()
    await remote.restore([], NOON)
    known = KnownLocks(remote.name_of, local, None)
    now = NOON + 600.0
    reconciler = Reconciler(remote, local, known, lambda: now)
    twice = account(failures=2, within=900.0, lock_for=(3600.0,))
    old = account(b"old", failures=1, within=60.0)
    reconciler.record_verdict([twice], True, NOON)
    reconciler.record_verdict([twice], True, NOON + 10)
    reconciler.record_verdict([old], True, NOON)
    await reconciler.recover()
    (lock,) = await remote.locks(now, 10)
    assert (lock.since, lock.until) == (NOON + 10, NOON + 3610), "what is too old to count locks nothing"
    assert known.is_locked(remote.name_of("account", b"ada"), now)
    reconciler.record_unlock("account", b"ada", now)
    assert known.not_unlocked() == []
    await reconciler.recover()
    assert await remote.locks(now, 10) == []
    await remote.close()


async def test_a_journal_that_could_not_be_carried_is_carried_later(redis: Server) -> None:
    remote, local = RedisStore(redis.url, KEY, timeout=5.0), MemoryStore()
    reconciler = Reconciler(remote, local, KnownLocks(remote.name_of, local, None), lambda: NOON)
    reconciler.record_verdict([account(failures=1)], True, NOON)
    redis.stop()
    with pytest.raises(Unreachable):
        await reconciler.recover()
    redis.start()
    await reconciler.recover()
    assert len(await remote.locks(NOON, 10)) == 1
    await remote.close()


def test_a_long_outage_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "_JOURNAL", 3)
    remote, local = RedisStore("redis://127.0.0.1:1", KEY), MemoryStore()
    reconciler = Reconciler(remote, local, KnownLocks(remote.name_of, local, None), lambda: NOON)
    for number in range(5):
        reconciler.record_verdict([account(b"%d" % number)], True, NOON + number)
    assert [entry.moment for entry in reconciler._journal] == [NOON + 2, NOON + 3, NOON + 4], "the newest are kept"


async def test_attempts_that_redis_refused_are_none_of_an_outage(redis: Server, host: Start) -> None:
    """What was reserved here before Redis refused is given back, or a person who was kept out by others would be so in the
    next outage too."""
    one, other = host(redis.url, "one"), host(redis.url, "other")
    for each in (one, other):
        await each.store.start()
    for _ in range(3):
        await other.store.reserve([account()], NOON)
        await other.store.settle([account()], True, NOON)
    for _ in range(3):
        assert not (await one.store.reserve([account()], NOON))[0].ok
    (here,) = one.local.reserve([account()], NOON)
    assert (here.ok, here.left) == (True, 2)
