"""Revocations between hosts: Redis carries them, and an outage holds none of them up on the host that made it."""

import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from gateway.state.failover.store import FailoverStore
from gateway.state.lmdb.store import LmdbStore
from gateway.state.redis.store import RedisStore
from gateway.state.rules.revocation import RevocationTable
from tests.eventually import eventually
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


async def test_an_operators_process_revokes_here_before_it_finds_redis_hung(redis: Server, host: Start) -> None:
    desk, worker = host(redis.url, "desk"), host(redis.url, "worker")
    await worker.store.start()
    redis.signal(signal.SIGSTOP)
    assert await desk.store.revoke("subject", b"ada", NOON + DAY, NOON)
    assert desk.revoked("subject", b"ada")
    redis.signal(signal.SIGCONT)
    await eventually(lambda: worker.revoked("subject", b"ada"))
