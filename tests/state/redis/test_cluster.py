"""A real cluster of three servers."""

from gateway.state.memory.store import MemoryStore
from gateway.state.redis.store import RedisStore
from gateway.state.rules.gcra import Take
from tests.state.redis.attempts import FIVE, NOON, cluster_url, five_of_six
from tests.state.redis_fixture import KEY, Server


async def test_a_cluster_takes_the_keys_of_a_call_from_all_its_servers(any_cluster: list[Server]) -> None:
    await five_of_six(cluster_url(any_cluster), b"somebody")
    store = RedisStore(cluster_url(any_cluster[:1]), KEY, timeout=2.0)
    await store.ping()
    many = [FIVE._replace(key=b"%d" % number) for number in range(30)]
    assert all(answer.ok for answer in await store.take(many, NOON))
    assert all(node.say("DBSIZE") != ":0\r\n" for node in any_cluster)
    # One refuses: none of the others is charged.
    last = [*many[:29], many[29]._replace(burst=1)]
    answers = await store.take(last, NOON)
    assert [answer.ok for answer in answers] == [True] * 29 + [False]
    assert {answer.remaining for answer in answers[:29]} == {4}
    assert {answer.remaining for answer in await store.take(many, NOON)} == {3}
    await store.close()


async def test_a_cluster_answers_like_one_store(any_cluster: list[Server]) -> None:
    """The same calls, one after the other, to the cluster and to the reference."""
    store, reference = RedisStore(cluster_url(any_cluster), KEY, timeout=2.0), MemoryStore()
    await store.ping()
    for step in range(200):
        now = NOON + step * 0.37
        names = {b"c%d" % (step % 3), b"c%d" % (step * step % 5), b"c7"}
        takes = [Take(name, 1 + step % 2, 30, 60.0, 4) for name in sorted(names)]
        assert list(await store.take(takes, now)) == list(reference.take(takes, now))
    await store.close()
