"""The stores for the suites that every store has to pass, and one Redis for all of these."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.state.lmdb.store import LmdbStore
from gateway.state.memory.store import MemoryStore
from gateway.state.store import Store
from tests.state.redis_fixture import Server, WaitingStore, cluster, server


@pytest.fixture(scope="session")
def any_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("redis")) as one:
        yield one


@pytest.fixture(scope="session")
def any_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    with cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture(params=["embedded", "memory", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "redis":
        redis: Server = request.getfixturevalue("any_redis")
        redis.say("FLUSHALL")
        made: Any = WaitingStore(redis.url)
    else:
        made = LmdbStore(tmp_path / "state") if request.param == "embedded" else MemoryStore()
    yield made
    made.close()


@pytest.fixture(params=["embedded", "memory"])
def local(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """The stores of one host: they hold circuits, and forget by being swept."""
    made: Store = LmdbStore(tmp_path / "state") if request.param == "embedded" else MemoryStore()
    yield made
    made.close()
