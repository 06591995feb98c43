"""Revocations: what every store promises, the counter between the workers of a host, and Redis away."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest

from gateway.state.failover.store import FailoverStore
from gateway.state.lmdb.store import LmdbStore
from gateway.state.redis.store import RedisStore
from gateway.state.rules import revocation as module
from gateway.state.rules.revocation import Revocation, RevocationTable
from gateway.state.store import StateError, Store
from tests.state.redis_fixture import KEY, Server, server, until

NOON = 1_767_268_800.0
DAY = 86_400.0
ANOTHER_WORKER = f"""
import sys
from pathlib import Path
from gateway.state.lmdb.store import LmdbStore
store = LmdbStore(Path(sys.argv[1]))
assert store.revoke("subject", b"ada", {NOON + DAY}, {NOON})
store.close()
"""


def of(store: Store, now: float, kind: str, key: bytes) -> tuple[float, float] | None:
    name = store.revocation_name(kind, key)
    return next(((one.since, one.until) for one in store.revocations(now) if one.name == name), None)


def table(view: RevocationTable) -> Mapping[bytes, Revocation]:
    view.changed(lambda: NOON + 1)
    return view.table


def test_a_revocation_holds_until_its_end(store: Store) -> None:
    assert store.revoke("subject", b"ada", NOON + DAY, NOON + 0.25)
    assert of(store, NOON + 1, "subject", b"ada") == (NOON + 0.25, NOON + DAY)
    assert of(store, NOON + 1, "session", b"ada") is None
    assert of(store, NOON + 1, "subject", b"bob") is None
    assert of(store, NOON + DAY - 1, "subject", b"ada") is not None
    assert of(store, NOON + DAY, "subject", b"ada") is None


def test_the_later_moment_and_the_later_end_hold(store: Store) -> None:
    store.revoke("subject", b"ada", NOON + DAY, NOON)
    store.revoke("subject", b"ada", NOON + 60, NOON + 30)
    assert of(store, NOON + 31, "subject", b"ada") == (NOON + 30, NOON + DAY)
    name = store.revocation_name("subject", b"ada")
    assert store.merge_revocations([Revocation(name, NOON - 50, NOON + 2 * DAY)], NOON + 31)
    assert of(store, NOON + 31, "subject", b"ada") == (NOON + 30, NOON + 2 * DAY)
    assert len(store.revocations(NOON + 31)) == 1


def test_no_name_is_kept_in_clear(store: Store) -> None:
    store.revoke("session", b"a-session-of-ada", NOON + DAY, NOON)
    (held,) = store.revocations(NOON)
    assert len(held.name) == 16
    assert b"ada" not in held.name


def test_those_over_the_bound_find_no_room_until_others_have_run_out(store: Store) -> None:
    news = [Revocation(os.urandom(16), NOON, NOON + 60) for _ in range(module.MOST)]
    assert store.merge_revocations(news, NOON)
    assert not store.revoke("subject", b"ada", NOON + DAY, NOON)
    assert of(store, NOON, "subject", b"ada") is None
    assert len(store.revocations(NOON)) == module.MOST
    assert store.merge_revocations(news[:1], NOON)  # known ones need none
    assert store.revoke("subject", b"ada", NOON + DAY, NOON + 61)
    assert len(store.revocations(NOON + 61)) == 1


def test_what_has_run_out_leaves_nothing(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path)
    for minute in range(10):
        now = NOON + 60 * minute
        assert store.merge_revocations([Revocation(os.urandom(16), now, now + 60) for _ in range(5000)], now)
        store.sweep(now, 20_000)
        assert store.stats().records <= 10_000
    store.sweep(NOON + 3600, 20_000)
    assert store.stats().records == 0
    store.close()


@pytest.mark.parametrize("kept", [b"", b"abc"])
def test_every_worker_of_a_host_sees_the_counter_move(tmp_path: Path, kept: bytes) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "revocations").write_bytes(kept)
    one = LmdbStore(tmp_path)
    view = RevocationTable(one)
    assert table(view) == {}
    before = one.generation()
    subprocess.run([sys.executable, "-c", ANOTHER_WORKER, str(tmp_path)], check=True)
    assert one.generation() == before + 1
    assert set(table(view)) == {view.name("subject", b"ada")}
    same = table(view)
    assert one.merge_revocations(list(same.values()), NOON)  # nothing new
    assert table(view) is same
    one.close()


def test_revocations_outlive_the_process(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path)
    store.revoke("subject", b"ada", NOON + DAY, NOON)
    store.close()
    store = LmdbStore(tmp_path)
    assert set(table(RevocationTable(store))) == {store.revocation_name("subject", b"ada")}
    store.close()


def test_a_counter_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "revocations").mkdir()
    with pytest.raises(StateError, match="cannot be used to tell of revocations"):
        LmdbStore(tmp_path)


def test_names_are_the_same_here_and_in_redis(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, KEY)
    assert store.revocation_name("subject", b"ada") == RedisStore("redis://localhost", KEY).revocation_name(
        "subject", b"ada"
    )
    store.close()


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
    await until(lambda: other.revoked("subject", b"ada"))
    redis.signal(signal.SIGKILL)
    assert await other.store.revoke("session", b"s1", NOON + DAY, NOON)
    assert other.revoked("session", b"s1")
    assert not one.revoked("session", b"s1")
    redis.start()  # empty
    await until(lambda: one.store.up and other.store.up)
    await until(lambda: one.revoked("session", b"s1"))
    fresh = host(redis.url, "fresh")
    await fresh.store.start()
    await until(lambda: fresh.revoked("session", b"s1") and fresh.revoked("subject", b"ada"))


async def test_an_operators_process_revokes_here_before_it_finds_redis_hung(redis: Server, host: Start) -> None:
    desk, worker = host(redis.url, "desk"), host(redis.url, "worker")
    await worker.store.start()
    redis.signal(signal.SIGSTOP)
    assert await desk.store.revoke("subject", b"ada", NOON + DAY, NOON)
    assert desk.revoked("subject", b"ada")
    redis.signal(signal.SIGCONT)
    await until(lambda: worker.revoked("subject", b"ada"))


async def test_redis_lets_all_of_it_run_out(redis: Server) -> None:
    store = RedisStore(redis.url, KEY, timeout=5.0)
    assert await store.revoke("subject", b"ada", NOON + DAY, NOON)
    for key in ("since", "until", "version"):
        left = int(redis.say("PTTL", f"gw1:{{v}}:{key}").strip().lstrip(":"))
        assert DAY * 1000 - 60_000 < left <= DAY * 1000 + 1000
    await store.close()
