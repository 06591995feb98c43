"""Units ahead of time: never more than the limit says, whatever the workers do, and how much less at the worst."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.state.failover.store import FailoverStore
from gateway.state.memory.store import MemoryStore
from gateway.state.redis.leases import HOLD, KEYS, Lease, Leases, Lent
from gateway.state.redis.pipeline import Unreachable
from gateway.state.redis.store import TIMEOUT, RedisStore
from gateway.state.rules.gcra import Take, Taken
from tests.state.redis.attempts import cluster_url
from tests.state.redis_fixture import KEY, Server

NOON = 1_767_268_800.0
SPACING = 60.0  # seconds: long enough that what is kept in Redis outlives any pause of the machine
HOT = Take(b"hot", 1, 60, 3600.0, 40, 8)
WORKERS = 3
_names = itertools.count()


def fresh(**more: int) -> Take:
    return HOT._replace(key=b"key %d" % next(_names), **more)


class Counting(RedisStore):
    """Counts its round trips."""

    def __init__(self, url: str, key: bytes, timeout: float = TIMEOUT) -> None:
        super().__init__(url, key, timeout)
        self.asked = 0
        self._lend, self.lend = self.lend, self._count

    async def _count(self, take: Take, more: int, last: Lease, now: float) -> Lent:
        self.asked += 1
        return await self._lend(take, more, last, now)


@pytest.fixture(scope="module")
def fleet(any_redis: Server) -> Iterator[tuple[asyncio.Runner, list[Counting]]]:
    """Stores of three workers on one loop that hypothesis can use again and again."""
    with asyncio.Runner() as runner:
        stores = [Counting(any_redis.url, KEY, timeout=5.0) for _ in range(WORKERS)]
        yield runner, stores
        for store in stores:
            runner.run(store.close())


@pytest.fixture
async def store(any_redis: Server) -> AsyncIterator[Counting]:
    made = Counting(any_redis.url, KEY, timeout=5.0)
    yield made
    await made.close()


other = store  # of another worker


async def through(leases: Leases, take: Take, now: float, times: int) -> int:
    return sum([(await leases.take([take], now))[0].ok for _ in range(times)])


async def play(what: str, leases: Leases, take: Take, now: float) -> Sequence[Taken]:
    """One step of a history, and the answers that somebody got."""
    if what == "tick":
        await leases.give_back(now)
    elif what == "gone":
        leases.clear()  # a worker that died, or that did not hear the answer
    elif what == "many":
        return [answer[0] for answer in await asyncio.gather(*(leases.take([take], now) for _ in range(15)))]
    elif what == "left":  # a client that did not wait for its answer
        asking = asyncio.ensure_future(leases.take([take], now))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return () if asking.cancelled() else asking.result()
    else:
        return await leases.take([take], now)
    return ()


steps = st.lists(
    st.tuples(
        st.sampled_from(["take"] * 12 + ["many", "left", "tick", "tick", "gone"]),
        st.integers(0, WORKERS - 1),
        st.sampled_from([0.0, 0.0, 0.0, 0.01, 0.4, 0.99, 1.0, 1.5, 3.5, 60.0, 300.0]),
        st.sampled_from([1, 1, 1, 2, 5]),
    ),
    max_size=80,
)


@settings(max_examples=80)
@given(steps, st.sampled_from([2, 8, 20]))
def test_no_window_sees_more_than_the_limit_and_little_is_refused_too_early(
    fleet: tuple[asyncio.Runner, list[Counting]], history: list[tuple[str, int, float, int]], block: int
) -> None:
    """What passes is given to an exact limit, which has to let all of it pass."""
    runner, stores = fleet
    exact, take = MemoryStore(), fresh(lease=block)
    workers, now, lost = [Leases(one) for one in stores], NOON, False
    for what, worker, pause, cost in history:
        now += pause
        lost = lost or what == "gone"
        for answer in runner.run(play(what, workers[worker], take._replace(cost=cost), now)):
            used = exact.take([take._replace(cost=cost if answer.ok else 0)], now)[0]
            assert used.ok
            if not answer.ok and not lost:
                assert used.reset / SPACING + cost + (2 * WORKERS + 1) * block > take.burst
                assert answer.retry_after > 0


async def test_a_hot_key_costs_a_round_trip_per_block(store: Counting) -> None:
    leases, take = Leases(store), fresh(burst=1000, lease=50)
    assert await through(leases, take, NOON, 500) == 500
    assert store.asked < 20  # growing to blocks of 50 takes some


async def test_a_key_that_is_asked_for_now_and_then_is_taken_one_by_one(store: Counting) -> None:
    leases, take = Leases(store), fresh()
    for step in range(10):
        assert (await leases.take([take], NOON + 2 * step))[0].ok
    lent = await store.lend(take._replace(cost=0), 0, Lease(), NOON + 20)
    assert lent.out == 0


async def test_nobody_waits_while_units_are_at_hand(store: Counting) -> None:
    leases, take = Leases(store), fresh()
    await through(leases, take, NOON, 5)
    asking = leases.take([take], NOON + 0.1)
    with pytest.raises(StopIteration) as done:
        asking.send(None)  # a coroutine that waited for anything would give way here
    assert done.value.value[0].ok


async def test_what_is_used_up_is_refused_without_asking_until_it_is_not(store: Counting) -> None:
    leases, take = Leases(store), fresh(burst=4, lease=2)
    assert await through(leases, take, NOON, 10) == 4
    asked = store.asked
    assert await through(leases, take, NOON + 1, 100) == 0
    assert store.asked == asked
    (refused,) = await leases.take([take], NOON + 1)
    assert refused.retry_after == pytest.approx(SPACING - 1)
    assert await through(leases, take, NOON + SPACING, 3) == 1


async def test_a_crowd_shares_its_round_trips(store: Counting) -> None:
    leases, take = Leases(store), fresh(burst=1000, lease=100)
    answers = await asyncio.gather(*(leases.take([take], NOON) for _ in range(300)))
    assert all(answer[0].ok for answer in answers)
    assert store.asked <= 4


async def test_units_left_over_come_back(store: Counting, other: Counting) -> None:
    leases, take = Leases(store), fresh(lease=20)
    await through(leases, take, NOON, 12)
    lent = await other.lend(take._replace(cost=0), 0, Lease(), NOON)
    assert lent.out > 5
    await leases.give_back(NOON + 0.5)
    await leases.give_back(NOON + HOLD)
    lent = await other.lend(take._replace(cost=0), 0, Lease(), NOON + HOLD)
    assert lent.out == 0
    assert await through(Leases(other), take, NOON + HOLD, 40) == 40 - 12


async def test_the_units_of_a_worker_that_died_are_used_units(store: Counting, other: Counting) -> None:
    take = fresh(lease=20)
    await through(Leases(store), take, NOON, 5)
    before = await other.lend(take._replace(cost=0), 0, Lease(), NOON)
    after = await other.lend(take._replace(cost=0), 0, Lease(), NOON + 3.5)
    assert (before.out > 0, after.out) == (True, 0)
    assert after.ahead == before.ahead + before.out * SPACING * 4e6 - 3.5 * 4e6


async def test_a_leased_limit_and_another_are_charged_together_or_not_at_all(store: Counting) -> None:
    leases, hot, rare = Leases(store), fresh(), fresh(burst=2, lease=0)
    assert await through(leases, hot, NOON, 3) == 3
    pairs = [await leases.take([hot, rare], NOON + step / 100) for step in range(1, 6)]
    assert [[answer.ok for answer in pair] for pair in pairs] == [[True, True]] * 2 + [[True, False]] * 3
    assert (await leases.take([hot], NOON + 0.1))[0].remaining >= 40 - 3 - 2 - 1 - 1
    spent = [(await leases.take([hot], NOON + 0.2))[0].ok for _ in range(50)]
    assert sum(spent) >= 40 - 3 - 2 - 1 - 1  # what was paid for at once and not used is lost, if it was
    full = await leases.take([hot, rare._replace(key=b"other %d" % next(_names))], NOON + 0.3)
    assert [(answer.ok, answer.remaining) for answer in full] == [(False, 0), (True, 2)]


async def test_a_take_that_shares_the_refusal_of_one_that_costs_more_asks_by_itself(
    store: Counting, other: Counting
) -> None:
    leases, take = Leases(store), fresh(burst=4, lease=2)
    assert (await other.take([take._replace(cost=2)], NOON))[0].ok
    dear = asyncio.ensure_future(leases.take([take._replace(cost=3)], NOON + 0.1))
    await asyncio.sleep(0)
    (cheap,) = await leases.take([take], NOON + 0.5)  # while the other's round trip is under way
    assert cheap.ok
    assert [(taken.ok, taken.retry_after > 0) for taken in await dear] == [(False, True)]


async def test_more_than_the_burst_never_passes(store: Counting) -> None:
    (answer,) = await Leases(store).take([fresh(cost=41)], NOON)
    assert (answer.ok, answer.retry_after) == (False, 0.0)


async def test_who_leaves_takes_no_answer_away(store: Counting) -> None:
    leases, take = Leases(store), fresh()
    asking = [asyncio.ensure_future(leases.take([take], NOON)) for _ in range(3)]
    await asyncio.sleep(0)
    asking[0].cancel()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert [answer[0].ok for answer in answers[1:] if not isinstance(answer, BaseException)] == [True, True]


async def test_what_somebody_paid_for_and_left_is_not_used_later(store: Counting) -> None:
    leases, take = Leases(store), fresh()
    assert list(await play("left", leases, take, NOON)) == []
    assert (await leases.take([take], NOON + 0.5))[0].remaining == 38
    assert store.asked == 2


async def test_a_clock_that_steps_back_neither_keeps_nor_gives_units_away(store: Counting) -> None:
    leases, take = Leases(store), fresh(lease=20)
    assert await through(leases, take, NOON, 10) == 10
    assert await through(leases, take, NOON - 3600, 100) <= 30


class Dead:
    """A lender that is not there."""

    def __init__(self) -> None:
        self.there = False
        self.lent: list[int] = []

    async def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        raise Unreachable("gone")

    async def lend(self, take: Take, more: int, last: Lease, now: float) -> Lent:
        if not self.there:
            raise Unreachable("gone")
        self.lent.append(more)
        return Lent(more, 0.0, more)


async def test_the_number_of_keys_is_bounded_and_idle_ones_go() -> None:
    lender = Dead()
    lender.there = True
    leases = Leases(lender)
    for number in range(KEYS + 50):
        await leases.take([HOT._replace(key=b"%d" % number)], NOON)
    assert len(leases) == KEYS
    await leases.give_back(NOON + 61)
    assert len(leases) == 0


async def test_a_lender_that_is_gone_leaves_nothing_behind() -> None:
    lender = Dead()
    leases = Leases(lender)
    answers = await asyncio.gather(*(leases.take([HOT], NOON) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(answer, Unreachable) for answer in answers)
    assert not len(leases)
    lender.there = True
    await leases.take([HOT], NOON)
    await leases.take([HOT], NOON + 0.01)
    await leases.take([HOT], NOON + 0.02)
    with pytest.raises(Unreachable):
        await leases.take([HOT, HOT._replace(key=b"rare", lease=0)], NOON + 0.03)


async def test_the_same_in_a_cluster(any_cluster: list[Server]) -> None:
    store = Counting(cluster_url(any_cluster), KEY, timeout=5.0)
    await store.ping()
    leases = Leases(store)
    for _ in range(10):  # keys of every server
        assert await through(leases, fresh(), NOON, 60) == 40
    await store.close()


async def test_an_outage_ends_all_leases(any_redis: Server) -> None:
    shared = Counting(any_redis.url, KEY)
    store = FailoverStore(shared, MemoryStore(), wall=lambda: NOON)
    await store.start()
    take = fresh(lease=20)
    assert [(await store.take([take], NOON))[0].ok for _ in range(4)] == [True] * 4
    assert shared.asked < 4
    store.link.mark_down(Unreachable("a test"))
    assert not len(store.leases)
    assert (await store.take([take], NOON))[0].remaining == 35  # the store of this host has counted all along
    await store.close()
