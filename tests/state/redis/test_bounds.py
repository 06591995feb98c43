"""A Redis that sends without end: in a reply, while a connection is opened, as a sentinel and as a cluster."""

from __future__ import annotations

import asyncio
import contextlib
import tracemalloc
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.exceptions import InvalidResponse

from gateway.state.redis.bounds import MOST_BYTES, MOST_LINES, ReplyBounds
from gateway.state.redis.pipeline import Unreachable
from gateway.state.redis.store import RedisStore
from gateway.state.rules.gcra import Take
from tests.state.redis_fixture import KEY

NOON = 1_767_268_800.0
FIVE = Take(b"bounds", 1, 5, 60.0, 5)
SENT = 64 * 1024 * 1024
BOUND = 24 * 1024 * 1024

ENDLESS = {
    "a text": (b"$100000000\r\n", b"x" * 65536),
    "a line": (b"+", b"x" * 65536),
    "an error": (b"-ERR ", b"x" * 65536),
    "a number": (b":", b"1" * 65536),
    "a length": (b"*", b"0" * 65536),
    "arrays in arrays": (b"", b"*9\r\n" * 16384),
    "long arrays in long arrays": (b"", b"*99999\r\n" * 8192),
    "an array of errors": (b"*99999999\r\n", b"-E\r\n" * 16384),
    "an array of lists": (b"*190000\r\n", b"*1\r\n:1\r\n" * 8192),
    "a map": (b"%99999999\r\n", b"+a\r\n" * 16384),
}


@contextlib.asynccontextmanager
async def endless(begin: bytes, more: bytes) -> AsyncIterator[int]:
    """The port of a server that begins a reply to whatever it is asked, and never ends it."""
    serving: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        try:
            await reader.read(65536)
            writer.write(begin)
            for _ in range(0, SENT, len(more)):
                writer.write(more)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
        for task in serving:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in serving if task), return_exceptions=True)


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.parametrize("kind", ENDLESS)
async def test_a_reply_without_end_ends_the_connection_within_a_bound(kind: str, traced: None) -> None:
    async with endless(*ENDLESS[kind]) as port:
        store = RedisStore(f"redis://127.0.0.1:{port}", KEY, timeout=5.0)
        before, _ = tracemalloc.get_traced_memory()
        with pytest.raises(Unreachable, match=r"longer than any|ProtocolError"):
            await store.take([FIVE], NOON)
        _, peak = tracemalloc.get_traced_memory()
        assert peak - before < BOUND, f"{(peak - before) >> 20} MiB"
        await store.close()


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize(
    "url",
    ["redis://:password@127.0.0.1:{}", "redis+sentinel://127.0.0.1:{}/main", "redis+cluster://127.0.0.1:{}"],
    ids=["login", "sentinel", "cluster"],
)
async def test_opening_a_connection_has_the_same_bound(url: str, kind: str, traced: None) -> None:
    async with endless(*ENDLESS[kind]) as port:
        store = RedisStore(url.format(port), KEY, timeout=5.0)
        before, _ = tracemalloc.get_traced_memory()
        with pytest.raises(Unreachable):
            await store.ping()
        _, peak = tracemalloc.get_traced_memory()
        assert peak - before < BOUND, f"{(peak - before) >> 20} MiB"
        await store.close()


def test_the_largest_reply_that_is_asked_for_passes() -> None:
    bounds = ReplyBounds()
    reply = b"*20000\r\n" + b"$32\r\n%b\r\n$17\r\n1767268800.123456\r\n" % (b"a" * 32) * 10_000
    for start in range(0, len(reply), 65536):
        bounds.check(reply[start : start + 65536])
    bounds.clear()
    for start in range(0, len(reply), 65536):
        bounds.check(reply[start : start + 65536])


@pytest.mark.parametrize("step", [1, 2, 3, 7, 4096])
def test_a_length_counts_however_it_is_cut(step: int) -> None:
    bounds, words = ReplyBounds(), b"*1\r\n*%d\r\n" % (MOST_LINES + 1)
    with pytest.raises(InvalidResponse):
        for start in range(0, len(words), step):
            bounds.check(words[start : start + step])


def test_lines_are_counted() -> None:
    bounds = ReplyBounds()
    bounds.check(b":1\r\n" * MOST_LINES)
    with pytest.raises(InvalidResponse):
        bounds.check(b":1\r\n")


def test_bytes_are_counted_from_reply_to_reply() -> None:
    bounds = ReplyBounds()
    bounds.check(b"x" * MOST_BYTES)
    bounds.clear()
    bounds.check(b"x" * MOST_BYTES)
    with pytest.raises(InvalidResponse):
        bounds.check(b"x")
