"""The store over a real Redis: what it leaves behind, and what it needs."""

import pytest

from gateway.state.redis.store import RedisStore
from gateway.state.store import StateError
from tests.state.redis.attempts import FIVE, GUESS, NOON
from tests.state.redis_fixture import KEY, Server


async def test_a_server_that_has_just_started_gets_the_script(any_redis: Server) -> None:
    store = RedisStore(any_redis.url, KEY, timeout=2.0)
    any_redis.say("SCRIPT", "FLUSH")
    assert (await store.take([FIVE._replace(key=b"script")], NOON))[0].ok
    await store.close()


async def test_nothing_stays_longer_than_it_means_anything(any_redis: Server) -> None:
    any_redis.say("FLUSHALL")
    store = RedisStore(any_redis.url, KEY, timeout=2.0)
    await store.restore([], NOON)
    await store.take([FIVE, FIVE._replace(key=b"bob", cost=5)], NOON)
    await store.reserve([GUESS], NOON)
    for _ in range(3):
        await store.settle([GUESS._replace(key=b"eve")], True, NOON)
    await store.unlock("account", b"bob", NOON)
    keys = any_redis.say("EVAL", "return table.concat(redis.call('KEYS', '*'), ' ')", "0").split()
    assert len(keys) == 8  # two limits, two accounts, and what keeps the books of attempts
    lives = [int(any_redis.say("PTTL", key)[1:]) for key in keys]
    assert min(lives) > 0
    assert max(lives) <= 86_400_000 + 61_000
    await store.close()


def test_replicas_need_one_key() -> None:
    with pytest.raises(StateError, match=r"needs state\.key"):
        RedisStore("redis://localhost", b"")
