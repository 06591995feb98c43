"""A limit and an attempt for the tests of Redis, and what every address of one has to lead to."""

from gateway.state.redis.store import RedisStore
from gateway.state.rules.gcra import Take
from gateway.state.rules.lockout import Attempt
from tests.state.redis_fixture import KEY, Server

NOON = 1_767_268_800.0


FIVE = Take(b"ada", 1, 5, 60.0, 5)


GUESS = Attempt(b"ada", "account", 3, 900.0, (60.0, 3600.0))


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
