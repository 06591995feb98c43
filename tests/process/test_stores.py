"""The supervisor's stores: opened when first needed, and only once."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from gateway.process.stores import Stores
from gateway.state.failover.store import FailoverStore
from gateway.state.redis.store import RedisStore
from gateway.state.rules.lockout import Attempt
from gateway.state.store import StateError
from tests.process.configs import written
from tests.state.redis_fixture import KEY, server


async def test_nothing_is_opened_before_it_is_needed(tmp_path: Path) -> None:
    config = written(tmp_path)
    stores = Stores(lambda: config)
    await stores.close()
    assert not (tmp_path / "state").exists()


async def test_on_one_host_the_workers_use_the_embedded_store(tmp_path: Path) -> None:
    config = written(tmp_path)
    stores = Stores(lambda: config)
    assert stores.used() is stores.local() is stores.local()
    stores.local().revoke("subject", b"ada", 2.0, 1.0)
    await stores.close()
    again = Stores(lambda: config)
    assert [one.until for one in again.local().revocations(1.0)] == [2.0]
    await again.close()


async def test_a_store_that_cannot_be_opened_says_so_each_time(tmp_path: Path) -> None:
    config = written(tmp_path)
    (tmp_path / "state").write_text("a file")
    stores = Stores(lambda: config)
    for _ in range(2):
        with pytest.raises(StateError):
            stores.used()
    await stores.close()


async def test_an_operator_unlocks_for_all_replicas(tmp_path: Path) -> None:
    with server(tmp_path / "redis") as redis:
        state = f'state: {{path: state, redis: "{redis.url}?wait=5s", key: "{KEY.decode()}"}}'
        config = written(tmp_path, **{"state: {path: state}": state})
        stores = Stores(lambda: config)
        replica = RedisStore(redis.url, KEY, timeout=5.0)
        await replica.restore([], time.time())
        guess = Attempt(b"ada", "account", 1, 900.0, (600.0,))
        await replica.settle([guess], True, time.time())
        store = stores.used()
        assert isinstance(store, FailoverStore) and store is stores.used()
        assert [lock.kind for lock in await store.locks(time.time(), 10)] == ["account"]
        assert await store.unlock("account", b"ada", time.time())
        assert (await replica.reserve([guess], time.time()))[0].ok
        await replica.close()
        await stores.close()


async def test_a_file_that_the_workers_have_begun_anew_is_followed(tmp_path: Path) -> None:
    config = written(tmp_path)
    stores = Stores(lambda: config)
    stores.local().revoke("subject", b"ada", 2.0, 1.0)
    shutil.rmtree(tmp_path / "state")
    stores.local().revoke("subject", b"bob", 2.0, 1.0)
    await stores.close()
    again = Stores(lambda: config)
    assert len(again.local().revocations(1.0)) == 2
    await again.close()


async def test_an_order_that_no_worker_would_see_is_refused_with_the_reason(tmp_path: Path) -> None:
    config = written(tmp_path)
    stores = Stores(lambda: config)
    stores.local()
    shutil.rmtree(tmp_path / "state")
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StateError, match="cannot be used for the state"):
        stores.local()
    await stores.close()
