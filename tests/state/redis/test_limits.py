"""Limits in Redis: what becomes of replies, and of calls that a cluster takes apart."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.state.redis.limits import RedisLimits
from gateway.state.redis.pipeline import Batch, OnFailure, OnReplies, Pipeline, Reply, Unreachable
from tests.eventually import eventually
from tests.state.redis.attempts import FIVE, NOON

USED_UP = str(int((NOON + 60) * 4e6)).encode()
"""The record of a limit like ``FIVE`` of which nothing is left."""


class Scripted:
    """A transport that answers every command with the next of its replies, and none when there are no more."""

    def __init__(self, on_replies: OnReplies, on_failure: OnFailure) -> None:
        self._on_replies = on_replies
        self._on_failure = on_failure
        self.replies: list[Reply] = []
        self.shas: list[str] = []

    def send(self, batch: Batch) -> None:
        self.shas += [command.script.sha for command in batch.commands if command.script]
        if len(self.replies) < len(batch.commands):
            return
        batch.replies = [self.replies.pop(0) for _ in batch.commands]
        asyncio.get_running_loop().call_soon(self._on_replies, batch)

    def give_up(self, batch: Batch) -> None:
        self._on_failure([batch], TimeoutError())

    async def ping(self) -> None:
        pass

    async def close(self) -> None:
        pass


@pytest.fixture
async def pipeline() -> AsyncIterator[Pipeline]:
    made = Pipeline(60.0, Scripted)
    yield made
    await made.close()


def scripted(pipeline: Pipeline, *replies: Reply) -> Scripted:
    transport = pipeline.transport
    assert isinstance(transport, Scripted)
    transport.replies += replies
    return transport


@pytest.mark.parametrize("reply", [None, 5, b"5", [], [b"five"], [[b"5"]], [b"inf"], [b"nan"], ValueError("no")])
@pytest.mark.parametrize("several", [False, True])
async def test_a_reply_that_makes_no_sense_is_none(pipeline: Pipeline, reply: Reply, several: bool) -> None:
    limits = RedisLimits(pipeline, lambda of: of, apart=False)
    scripted(pipeline, reply)
    with pytest.raises(Unreachable):
        await limits.take([FIVE, FIVE._replace(key=b"bob")] if several else [FIVE], NOON)


async def test_what_was_charged_apart_comes_back_when_another_refuses(pipeline: Pipeline) -> None:
    limits = RedisLimits(pipeline, lambda of: of, apart=True)
    transport = scripted(pipeline, [None], [USED_UP], [])
    free, refused = await limits.take([FIVE, FIVE._replace(key=b"bob")], NOON)
    assert (free.ok, free.remaining, refused.ok) == (True, 5, False)
    take, other, refund = transport.shas
    assert take == other != refund


async def test_a_refund_that_fails_is_no_failure_of_the_call(pipeline: Pipeline) -> None:
    limits = RedisLimits(pipeline, lambda of: of, apart=True)
    scripted(pipeline, [None], [USED_UP], ValueError("gone meanwhile"))
    assert [taken.ok for taken in await limits.take([FIVE, FIVE._replace(key=b"bob")], NOON)] == [True, False]


async def test_calls_that_are_under_way_when_it_closes_end(pipeline: Pipeline) -> None:
    limits = RedisLimits(pipeline, lambda of: of, apart=True)
    taking = asyncio.ensure_future(limits.take([FIVE], NOON))
    await eventually(lambda: scripted(pipeline).shas)
    limits.close()
    with pytest.raises(Unreachable, match="CancelledError"):
        await taking
