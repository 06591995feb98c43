"""The connection to Redis against servers that are none: whatever they send, every call ends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.state.redis.connection import PipelinedConnection
from gateway.state.redis.lockouts import KnownLock
from gateway.state.redis.pipeline import Unreachable
from gateway.state.redis.store import RedisStore
from gateway.state.rules.gcra import Take
from tests.eventually import eventually
from tests.state.redis_fixture import KEY, Server

NOON = 1_767_268_800.0
FIVE = Take(b"connection", 1, 5, 60.0, 5)


@contextlib.asynccontextmanager
async def saying(*replies: bytes) -> AsyncIterator[tuple[RedisStore, list[int]]]:
    """A store whose server answers every reading with the next of ``replies``, and how many connections it has seen."""
    said, seen = iter(replies), [0]
    serving: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen[0] += 1
        serving.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError, StopIteration):
            while await reader.read(65536):
                writer.write(next(said))
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    store = RedisStore(f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}", KEY, timeout=5.0)
    async with listening:
        yield store, seen
        await store.close()
        await asyncio.gather(*serving)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"*1\r\n$-1\r\n+more than was asked\r\n*1\r\n$-1\r\n",
        b"$99999999999999\r\n",
    ],
)
async def test_what_is_no_reply_ends_the_connection_and_the_next_call_opens_another(reply: bytes) -> None:
    async with saying(reply, b"*1\r\n$-1\r\n") as (store, seen):
        two = [store.take([FIVE], NOON), store.take([FIVE], NOON)]
        answers = await asyncio.gather(*two, return_exceptions=True)
        assert all(isinstance(answer, Unreachable) for answer in answers[1:])
        assert (await store.take([FIVE], NOON))[0].ok
        assert seen == [2]


async def test_a_master_no_more_is_left() -> None:
    async with saying(b"-READONLY You can't write against a read only replica.\r\n", b"*1\r\n$-1\r\n") as (store, seen):
        with pytest.raises(Unreachable, match="READONLY"):
            await store.take([FIVE], NOON)
        assert (await store.take([FIVE], NOON))[0].ok
        assert seen == [2]


async def test_a_command_that_cannot_be_written_takes_no_reply_of_another(any_redis: Server) -> None:
    store = RedisStore(any_redis.url, KEY, timeout=0.5)
    await store.ping()
    damaged = KnownLock("address:ab:\ud800", 1, NOON, NOON, 3, NOON)  # a locks.json may say so
    with pytest.raises(Unreachable, match="UnicodeEncodeError"):
        async with asyncio.timeout(5):
            await store.restore([damaged], NOON)
    assert (await store.take([FIVE._replace(key=b"behind it")], NOON))[0].ok
    await store.close()


async def test_an_error_is_of_the_call_that_it_answers(any_redis: Server) -> None:
    store = RedisStore(any_redis.url, KEY, timeout=5.0)
    await store.ping()
    any_redis.say("DEL", "gw1:{a}:ours")
    any_redis.say("SCRIPT", "FLUSH")
    key = FIVE._replace(key=b"beside")
    unlocking, taking = store.unlock("account", b"x", NOON), store.take([key], NOON)
    wrong, right = await asyncio.gather(unlocking, taking, return_exceptions=True)
    assert isinstance(wrong, Unreachable) and "EMPTY" in str(wrong)
    assert not isinstance(right, BaseException) and right[0].ok
    await store.restore([], NOON)
    await store.close()


async def test_who_left_takes_nothing_from_who_stays(any_redis: Server) -> None:
    store = RedisStore(any_redis.url, KEY, timeout=5.0)
    await store.ping()
    key = FIVE._replace(key=b"left")
    asked = [asyncio.ensure_future(store.take([key], NOON)) for _ in range(3)]
    await asyncio.sleep(0)
    asked[0].cancel()
    assert [(await one)[0].remaining for one in asked[1:]] == [3, 2]  # what was sent is charged
    await store.close()


async def test_a_connection_that_idles_away_is_opened_again_unnoticed(any_redis: Server) -> None:
    store = RedisStore(any_redis.url, KEY, timeout=5.0)
    await store.ping()
    any_redis.say("CLIENT", "KILL", "TYPE", "normal")
    connection = store.pipeline.transport
    assert isinstance(connection, PipelinedConnection)
    await eventually(lambda: not connection.is_open)
    assert (await store.take([FIVE._replace(key=b"idle")], NOON))[0].ok
    await store.close()
