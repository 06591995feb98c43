"""The shared store against real servers of every shape that an address can name."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.state.failover.store import FailoverStore
from gateway.state.redis.pipeline import Unreachable
from gateway.state.redis.store import RedisStore
from gateway.state.redis.watchdog import LOOKS
from gateway.state.rules.gcra import Take
from gateway.state.rules.lockout import Attempt
from gateway.state.store import StateError
from tests.memory_store import MemoryStore
from tests.state.redis_fixture import KEY, Looks, Server, certificate, cluster, sentinels, server, until

NOON = 1_767_268_800.0
FIVE = Take(b"ada", 1, 5, 60.0, 5)
GUESS = Attempt(b"ada", "account", 3, 900.0, (60.0, 3600.0))
FAILOVER = 40.0  # seconds that sentinels may take on a busy machine


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("redis")) as one:
        yield one


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    with cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


def cluster_url(nodes: list[Server]) -> str:
    return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)


async def five_of_six(url: str, name: bytes = b"ada") -> None:
    """What every address has to lead to."""
    store = RedisStore(url, KEY, timeout=2.0)
    try:
        await store.ping()
        answers = [(await store.take([FIVE._replace(key=name)], NOON))[0] for _ in range(6)]
        assert [answer.ok for answer in answers] == [True] * 5 + [False]
        assert answers[5].retry_after == 12.0
        await store.restore([], NOON)
        assert [answer.left for answer in await store.reserve([GUESS._replace(key=name)] * 2, NOON)] == [2, 1]
        await store.settle([GUESS._replace(key=name)] * 2, None, NOON)
    finally:
        await store.close()


async def test_a_plain_server(plain: Server) -> None:
    plain.say("FLUSHALL")
    await five_of_six(plain.url)


async def test_a_numbered_database(plain: Server) -> None:
    plain.say("FLUSHALL")
    await five_of_six(f"{plain.url}/3")
    assert "db3:" in plain.say("INFO", "keyspace")
    assert "db0:" not in plain.say("INFO", "keyspace")


async def test_a_password_that_fits_and_one_that_does_not(tmp_path: Path) -> None:
    with server(tmp_path, "--requirepass", "open sesame", password="") as locked:
        await five_of_six(f"redis://:open%20sesame@127.0.0.1:{locked.port}")
        store = RedisStore(f"redis://:wrong@127.0.0.1:{locked.port}", KEY)
        with pytest.raises(Unreachable, match="Authentication") as told:
            await store.take([FIVE], NOON)
        assert "wrong@" not in str(told.value)
        await store.close()


async def test_tls_and_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    paths = certificate(tmp_path / "tls")
    options = ("--tls-cert-file", str(paths[0]), "--tls-key-file", str(paths[1]), "--tls-auth-clients", "no")
    with server(tmp_path / "redis", *options, tls=True) as secured:
        await five_of_six(f"rediss://127.0.0.1:{secured.port}?ssl_ca_certs={paths[0]}")
        store = RedisStore(f"rediss://127.0.0.1:{secured.port}", KEY, timeout=2.0)
        with pytest.raises(Unreachable, match=r"CERTIFICATE_VERIFY_FAILED|certificate verify failed"):
            await store.take([FIVE], NOON)
        await store.close()


async def test_a_cluster_takes_the_keys_of_a_call_from_all_its_servers(three: list[Server]) -> None:
    await five_of_six(cluster_url(three), b"somebody")
    store = RedisStore(cluster_url(three[:1]), KEY, timeout=2.0)
    await store.ping()
    many = [FIVE._replace(key=b"%d" % number) for number in range(30)]
    assert all(answer.ok for answer in await store.take(many, NOON))
    assert all(node.say("DBSIZE") != ":0\r\n" for node in three)
    # One refuses: none of the others is charged.
    last = [*many[:29], many[29]._replace(burst=1)]
    answers = await store.take(last, NOON)
    assert [answer.ok for answer in answers] == [True] * 29 + [False]
    assert {answer.remaining for answer in answers[:29]} == {4}
    assert {answer.remaining for answer in await store.take(many, NOON)} == {3}
    await store.close()


async def test_a_cluster_answers_like_one_store(three: list[Server]) -> None:
    """The same calls, one after the other, to the cluster and to the reference."""
    store, reference = RedisStore(cluster_url(three), KEY, timeout=2.0), MemoryStore()
    await store.ping()
    for step in range(200):
        now = NOON + step * 0.37
        names = {b"c%d" % (step % 3), b"c%d" % (step * step % 5), b"c7"}
        takes = [Take(name, 1 + step % 2, 30, 60.0, 4) for name in sorted(names)]
        assert list(await store.take(takes, now)) == list(reference.take(takes, now))
    await store.close()


@pytest.mark.slow
async def test_a_failover_that_sentinels_see_to(tmp_path: Path) -> None:
    with sentinels(tmp_path) as (url, master, replica):
        await five_of_six(url)
        store = RedisStore(url, KEY, timeout=0.5)
        assert not (await store.take([FIVE], NOON))[0].ok
        told: list[tuple[bool, str]] = []
        fallback = FailoverStore(
            RedisStore(url, KEY), MemoryStore(), lambda *news: told.append(news), wall=lambda: NOON
        )
        await fallback.start()
        for _ in range(3):
            await fallback.settle([GUESS], True, NOON)
        assert master.say("WAIT", "1", "1000") == ":1\r\n"
        master.stop()
        assert (await fallback.reserve([GUESS], NOON))[0].locked_until == NOON + 60  # without it
        await until(lambda: fallback.up, FAILOVER)
        assert "role:master" in replica.say("INFO", "replication")
        (answer,) = await store.take([FIVE], NOON)
        assert not answer.ok  # the replica knew
        (kept,) = await fallback.reserve([GUESS], NOON)
        assert not kept.ok and kept.locked_until <= NOON + 60  # Redis has seen the seconds that this took
        assert [told[0][0], told[-2][0], told[-1][0]] == [True, False, True]
        await fallback.close()
        await store.close()


async def test_calls_of_one_turn_share_a_round_trip(plain: Server) -> None:
    store = RedisStore(plain.url, KEY, timeout=2.0)
    await store.take([FIVE], NOON)
    before = _read_events(plain)
    answers = await asyncio.gather(*(store.take([FIVE._replace(key=b"turn")], NOON) for _ in range(200)))
    assert sum(answer[0].ok for answer in answers) == 5
    assert _read_events(plain) - before < 20
    await store.close()


def _read_events(one: Server) -> int:
    told = one.say("INFO", "stats")
    return int(told.partition("total_reads_processed:")[2].partition("\r\n")[0])


async def test_a_server_that_has_just_started_is_told_the_script(plain: Server) -> None:
    store = RedisStore(plain.url, KEY, timeout=2.0)
    plain.say("SCRIPT", "FLUSH")
    assert (await store.take([FIVE._replace(key=b"script")], NOON))[0].ok
    await store.close()


async def test_nothing_stays_longer_than_it_means_anything(plain: Server) -> None:
    plain.say("FLUSHALL")
    store = RedisStore(plain.url, KEY, timeout=2.0)
    await store.restore([], NOON)
    await store.take([FIVE, FIVE._replace(key=b"bob", cost=5)], NOON)
    await store.reserve([GUESS], NOON)
    for _ in range(3):
        await store.settle([GUESS._replace(key=b"eve")], True, NOON)
    await store.unlock("account", b"bob", NOON)
    keys = plain.say("EVAL", "return table.concat(redis.call('KEYS', '*'), ' ')", "0").split()
    assert len(keys) == 8  # two limits, two accounts, and what keeps the books of attempts
    lives = [int(plain.say("PTTL", key)[1:]) for key in keys]
    assert min(lives) > 0
    assert max(lives) <= 86_400_000 + 61_000
    await store.close()


async def test_the_server_knows_how_long_a_lock_has_lasted_whatever_a_gateway_says(plain: Server) -> None:
    plain.say("FLUSHALL")
    store = RedisStore(plain.url, KEY, timeout=2.0)
    await store.restore([], NOON)
    await store.settle([GUESS] * 3, True, NOON)
    name = store.name_of("account", b"ada")
    lives = int(plain.say("PTTL", f"gw1:{{a}}:{name}")[1:])
    plain.say("PEXPIRE", f"gw1:{{a}}:{name}", str(lives - 50_000))  # as it is after 50 seconds
    (told,) = await store.reserve([GUESS], NOON - 30)
    assert told.locked_until == pytest.approx(NOON - 30 + 10, abs=0.5)
    (listed,) = await store.locks(NOON - 30, 10)
    assert listed.until == pytest.approx(NOON - 30 + 10, abs=0.5)
    plain.say("PEXPIRE", f"gw1:{{a}}:{name}", str(lives - 61_000))
    assert await store.locks(NOON - 30, 10) == []
    assert (await store.reserve([GUESS], NOON - 30))[0].ok
    await store.close()


async def test_no_name_is_stored_in_clear_but_a_locked_address(plain: Server) -> None:
    plain.say("FLUSHALL")
    store = RedisStore(plain.url, KEY, timeout=2.0)
    await store.restore([], NOON)
    await store.take([FIVE._replace(key=b"ada@example.org")], NOON)
    for kind, key in (("account", b"lock\0ada@example.org"), ("address", b"lock\x00192.0.2.7")):
        await store.settle([Attempt(key, kind, 1, 900.0, (60.0,))], True, NOON)
    keys = plain.say("EVAL", "return table.concat(redis.call('KEYS', '*'), ' ')", "0")
    members = plain.say("EVAL", "return table.concat(redis.call('ZRANGE', 'gw1:{a}:locks', 0, -1), ' ')", "0")
    assert "example" not in keys + members
    assert "192.0.2.7" in members
    assert {lock.who for lock in await store.locks(NOON, 10)} >= {"192.0.2.7"}
    await store.close()


async def test_a_hung_server_costs_no_more_than_the_time_set(tmp_path: Path) -> None:
    with server(tmp_path) as hung:
        store = RedisStore(hung.url, KEY)
        looks = store._patience = Looks()
        await store.ping()
        hung.signal(signal.SIGSTOP)
        answers = await asyncio.gather(*(store.take([FIVE], NOON) for _ in range(500)), return_exceptions=True)
        assert all(isinstance(answer, Unreachable) for answer in answers)
        assert looks.looked <= LOOKS + 1
        hung.signal(signal.SIGCONT)
        await store.close()


async def test_a_crowd_goes_in_portions_and_a_redis_that_is_at_it_is_not_given_up(tmp_path: Path) -> None:
    """20,000 calls at once take Redis longer than anybody may wait for an answer."""
    with server(tmp_path) as busy:
        store = RedisStore(busy.url, KEY)
        await store.ping()
        answers = await asyncio.gather(*(store.take([FIVE], NOON) for _ in range(20_000)))
        assert sum(answer[0].ok for answer in answers) == 5
        await store.close()


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://localhost:1",
        "redis+sentinel:///tutor",
        "redis+cluster://",
        "redis://localhost:port",
        "http://x",
    ],
)
def test_an_address_that_cannot_be_is_refused_without_telling_it(url: str) -> None:
    with pytest.raises(StateError, match=r"state\.redis is no address"):
        RedisStore(url, KEY)


def test_how_long_to_wait_may_stand_in_the_address() -> None:
    assert RedisStore("rediss://localhost/1?wait=200ms&ssl_ca_certs=x", KEY)._timeout == 0.2
    with pytest.raises(StateError, match="wait"):
        RedisStore("redis://localhost?wait=long", KEY)


def test_replicas_need_one_key() -> None:
    with pytest.raises(StateError, match=r"needs state\.key"):
        RedisStore("redis://localhost", b"")
