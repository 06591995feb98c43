"""Revocations in Redis: their names, and their end."""

from pathlib import Path

from gateway.state.lmdb.store import LmdbStore
from gateway.state.redis.store import RedisStore
from tests.state.redis_fixture import KEY, Server
from tests.state.revocations import DAY, NOON


def test_names_are_the_same_here_and_in_redis(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, KEY)
    assert store.revocation_name("subject", b"ada") == RedisStore("redis://localhost", KEY).revocation_name(
        "subject", b"ada"
    )
    store.close()


async def test_redis_lets_all_of_it_run_out(any_redis: Server) -> None:
    store = RedisStore(any_redis.url, KEY, timeout=5.0)
    assert await store.revoke("subject", b"ada", NOON + DAY, NOON)
    for key in ("since", "until", "version"):
        left = int(any_redis.say("PTTL", f"gw1:{{v}}:{key}").strip().lstrip(":"))
        assert DAY * 1000 - 60_000 < left <= DAY * 1000 + 1000
    await store.close()
