"""Every shape of address against real servers, and those that are none."""

from pathlib import Path

import pytest

from gateway.state.failover.store import FailoverStore
from gateway.state.memory.store import MemoryStore
from gateway.state.redis.pipeline import Unreachable
from gateway.state.redis.store import RedisStore
from gateway.state.store import StateError
from tests.eventually import eventually
from tests.state.redis.attempts import FIVE, GUESS, NOON, five_of_six
from tests.state.redis_fixture import KEY, Server, certificate, sentinels, server

FAILOVER = 40.0  # seconds that sentinels may take on a busy machine


async def test_a_single_server(any_redis: Server) -> None:
    any_redis.say("FLUSHALL")
    await five_of_six(any_redis.url)


async def test_a_numbered_database(any_redis: Server) -> None:
    any_redis.say("FLUSHALL")
    await five_of_six(f"{any_redis.url}/3")
    assert "db3:" in any_redis.say("INFO", "keyspace")
    assert "db0:" not in any_redis.say("INFO", "keyspace")


async def test_a_password_that_fits_and_one_that_does_not(tmp_path: Path) -> None:
    with server(tmp_path, "--requirepass", "open sesame", password="") as locked:
        await five_of_six(f"redis://:open%20sesame@127.0.0.1:{locked.port}")
        store = RedisStore(f"redis://:wrong@127.0.0.1:{locked.port}", KEY)
        with pytest.raises(Unreachable, match="Authentication") as refused:
            await store.take([FIVE], NOON)
        assert "wrong@" not in str(refused.value)
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


@pytest.mark.slow
async def test_a_failover_that_sentinels_see_to(tmp_path: Path) -> None:
    with sentinels(tmp_path) as watched:
        await five_of_six(watched.url)
        store = RedisStore(watched.url, KEY, timeout=0.5)
        assert not (await store.take([FIVE], NOON))[0].ok
        changes: list[tuple[bool, str]] = []
        fallback = FailoverStore(
            RedisStore(watched.url, KEY), MemoryStore(), lambda *change: changes.append(change), wall=lambda: NOON
        )
        await fallback.start()
        for _ in range(3):
            await fallback.settle([GUESS], True, NOON)
        watched.lose_master()
        assert (await fallback.reserve([GUESS], NOON))[0].locked_until == NOON + 60  # without it
        await eventually(lambda: fallback.up, within=FAILOVER)
        assert "role:master" in watched.replica.say("INFO", "replication")
        (answer,) = await store.take([FIVE], NOON)
        assert not answer.ok  # the replica knew
        (kept,) = await fallback.reserve([GUESS], NOON)
        assert not kept.ok and kept.locked_until <= NOON + 60  # Redis has seen the seconds that this took
        assert [changes[0][0], changes[-2][0], changes[-1][0]] == [True, False, True]
        await fallback.close()
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
def test_an_address_that_cannot_be_is_refused_without_naming_it(url: str) -> None:
    with pytest.raises(StateError, match=r"state\.redis is no address"):
        RedisStore(url, KEY)


def test_how_long_to_wait_may_stand_in_the_address() -> None:
    assert RedisStore("rediss://localhost/1?wait=200ms&ssl_ca_certs=x", KEY).timeout == 0.2
    with pytest.raises(StateError, match="wait"):
        RedisStore("redis://localhost?wait=long", KEY)
