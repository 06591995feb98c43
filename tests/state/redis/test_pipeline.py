"""Round trips: what shares one, how many there are at once, and what becomes of those that fail."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.state.redis.pipeline import (
    AT_ONCE,
    COMMANDS,
    Batch,
    Command,
    OnFailure,
    OnReplies,
    Pipeline,
    Reply,
    Script,
    Unreachable,
)
from gateway.state.redis.store import RedisStore
from gateway.state.redis.watchdog import CHECKS
from tests.state.redis.attempts import FIVE, NOON
from tests.state.redis_fixture import KEY, CountingWatchdog, Server, server


async def test_calls_of_one_iteration_share_a_round_trip(any_redis: Server) -> None:
    store = RedisStore(any_redis.url, KEY, timeout=2.0)
    await store.take([FIVE], NOON)
    before = _read_events(any_redis)
    answers = await asyncio.gather(*(store.take([FIVE._replace(key=b"iteration")], NOON) for _ in range(200)))
    assert sum(answer[0].ok for answer in answers) == 5
    assert _read_events(any_redis) - before < 20
    await store.close()


def _read_events(one: Server) -> int:
    stats = one.say("INFO", "stats")
    return int(stats.partition("total_reads_processed:")[2].partition("\r\n")[0])


async def test_a_crowd_goes_in_portions_and_a_redis_that_is_at_it_is_not_given_up(tmp_path: Path) -> None:
    """20,000 calls at once take Redis longer than anybody may wait for an answer."""
    with server(tmp_path) as busy:
        store = RedisStore(busy.url, KEY)
        await store.ping()
        answers = await asyncio.gather(*(store.take([FIVE], NOON) for _ in range(20_000)))
        assert sum(answer[0].ok for answer in answers) == 5
        await store.close()


async def test_a_hung_server_costs_no_more_than_the_time_set(tmp_path: Path) -> None:
    with server(tmp_path) as hung:
        store = RedisStore(hung.url, KEY)
        watchdog = store.pipeline.watchdog = CountingWatchdog()
        await store.ping()
        hung.signal(signal.SIGSTOP)
        answers = await asyncio.gather(*(store.take([FIVE], NOON) for _ in range(500)), return_exceptions=True)
        assert all(isinstance(answer, Unreachable) for answer in answers)
        assert watchdog.checked <= CHECKS + 1
        hung.signal(signal.SIGCONT)
        await store.close()


class FakeTransport:
    """Keeps the batches that it is given, for the test to end."""

    def __init__(self, on_replies: OnReplies, on_failure: OnFailure) -> None:
        self.on_replies, self.on_failure = on_replies, on_failure
        self.sent: list[Batch] = []

    def send(self, batch: Batch) -> None:
        self.sent.append(batch)

    def give_up(self, batch: Batch) -> None:
        self.on_failure([batch], TimeoutError())

    def reply(self, batch: Batch, *replies: Reply) -> None:
        batch.replies = list(replies)
        self.on_replies(batch)

    async def ping(self) -> None:
        pass

    async def close(self) -> None:
        pass


@pytest.fixture
async def pipeline() -> AsyncIterator[tuple[Pipeline, FakeTransport]]:
    made = Pipeline(60.0, FakeTransport)
    assert isinstance(made.transport, FakeTransport)
    yield made, made.transport
    await made.close()


TAKE = Script("take")


async def test_at_most_so_many_batches_of_so_many_commands_are_under_way(
    pipeline: tuple[Pipeline, FakeTransport],
) -> None:
    calls, transport = pipeline
    replies: list[Reply] = []
    for _ in range(AT_ONCE * COMMANDS + 1):
        calls.call(Command(TAKE, (), replies.append))
    await asyncio.sleep(0)
    assert [len(batch.commands) for batch in transport.sent] == [COMMANDS] * AT_ONCE
    transport.reply(transport.sent[0], *[b"first"] * COMMANDS)
    assert len(transport.sent[-1].commands) == 1
    assert replies == [b"first"] * COMMANDS


async def test_what_queues_up_behind_a_failure_fails_with_it(pipeline: tuple[Pipeline, FakeTransport]) -> None:
    calls, transport = pipeline
    replies: list[Reply] = []
    for _ in range(AT_ONCE * COMMANDS + 1):
        calls.call(Command(TAKE, (), replies.append))
    await asyncio.sleep(0)
    transport.on_failure(transport.sent[:1], ConnectionResetError("gone"))
    assert len(replies) == COMMANDS + 1
    assert {str(reply) for reply in replies} == {"ConnectionResetError: gone"}
    calls.call(Command(TAKE, (), replies.append))
    await asyncio.sleep(0)
    assert len(transport.sent) == AT_ONCE + 1, "there is room for another"


async def test_a_bug_of_one_caller_costs_the_others_nothing(pipeline: tuple[Pipeline, FakeTransport]) -> None:
    calls, transport = pipeline
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))

    def broken(reply: Reply) -> None:
        raise KeyError(reply)

    replies: list[Reply] = []
    for on_reply in (broken, replies.append):
        calls.call(Command(TAKE, (), on_reply))
    await asyncio.sleep(0)
    transport.reply(transport.sent[0], b"one", b"two")
    assert replies == [b"two"]
    assert isinstance(reported[0], KeyError)


async def test_a_future_has_the_reply_or_why_there_is_none(pipeline: tuple[Pipeline, FakeTransport]) -> None:
    calls, transport = pipeline
    good, bad, left = (calls.run(TAKE, [b"key"], [1]) for _ in range(3))
    left.cancel()
    await asyncio.sleep(0)
    assert transport.sent[0].commands[0].words == (1, b"key", 1)
    transport.reply(transport.sent[0], [b"1"], ValueError("wrong"), [b"3"])
    assert await good == [b"1"]
    with pytest.raises(Unreachable, match="ValueError: wrong"):
        await bad
    assert left.cancelled()
