"""One Redis for the suites that every store has to pass."""

from collections.abc import Iterator

import pytest

from tests.state.redis_fixture import Server, server


@pytest.fixture(scope="session")
def any_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("redis")) as one:
        yield one
