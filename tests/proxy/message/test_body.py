"""A request body while it arrives: who waits for whom, and for how long."""

from __future__ import annotations

import asyncio
import sys

import pytest

from gateway.core.exchange import read_to_end
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.message.body import HIGH_WATER, RequestBody


class Source:
    """A connection that notes what its body asks of it."""

    def __init__(self) -> None:
        self.paused = 0
        self.sent = b""

    def pause(self) -> None:
        self.paused += 1

    def resume(self) -> None:
        self.paused -= 1

    def write(self, data: bytes) -> None:
        self.sent += data


def body(length: int | None = None, timeout: float = 5.0, expects: bool = False) -> tuple[RequestBody, Source]:
    source = Source()
    made = RequestBody(source)
    made.declare(length, timeout, expects)
    return made, source


async def test_pieces_are_read_as_they_arrive_and_nothing_is_read_behind_the_end() -> None:
    arriving, _ = body()
    asyncio.get_running_loop().call_soon(arriving.feed, b"one")
    assert await arriving.read() == b"one"
    arriving.feed(b"two ")
    arriving.feed(b"three")
    arriving.end()
    assert (await arriving.read(), await arriving.read()) == (b"two three", b"")
    assert (arriving.arrived, arriving.received) == (12, 12)


async def test_the_whole_is_there_without_waiting_only_when_it_has_arrived() -> None:
    arriving, _ = body()
    arriving.feed(b"ab")
    assert arriving.whole() is None
    arriving.end()
    assert arriving.whole() == b"ab"


async def test_the_client_is_not_read_from_while_much_is_unread() -> None:
    arriving, source = body()
    arriving.feed(b"x" * HIGH_WATER)
    assert source.paused == 0
    arriving.feed(b"x")
    arriving.feed(b"x")
    assert source.paused == 1
    assert len(await arriving.read() or b"") == HIGH_WATER + 2  # type: ignore[arg-type]  # no refusal
    assert source.paused == 0


async def test_what_is_dropped_holds_nobody_up() -> None:
    arriving, source = body()
    arriving.feed(b"x" * (HIGH_WATER + 1))
    arriving.drop()
    arriving.feed(b"x" * (HIGH_WATER + 1))
    assert (source.paused, arriving.arrived) == (0, 2 * HIGH_WATER + 2)


@pytest.mark.parametrize("expects", [True, False])
async def test_a_client_that_waits_for_100_is_invited_once_and_when_the_body_is_read(expects: bool) -> None:
    arriving, source = body(expects=expects)
    assert source.sent == b""
    for _ in range(2):
        asyncio.get_running_loop().call_soon(arriving.feed, b"x")
        await arriving.read()
    assert source.sent == (b"HTTP/1.1 100 Continue\r\n\r\n" if expects else b"")


async def test_more_than_the_limit_and_a_body_that_is_broken_are_refused() -> None:
    large, _ = body()
    large.limit = 2
    large.feed(b"xyz")
    refused = await read_to_end(large)
    assert isinstance(refused, Refusal) and refused.reason.slug == "body_too_large" and refused.close
    broken, _ = body()
    broken.feed(b"x")
    broken.end(refuse("body_malformed"))
    refused = await read_to_end(broken)
    assert isinstance(refused, Refusal) and refused.reason.slug == "body_malformed"


async def test_a_client_that_sends_nothing_is_not_waited_for_longer_than_its_time() -> None:
    arriving, _ = body(timeout=0.01)
    refused = await arriving.read()
    assert isinstance(refused, Refusal) and refused.reason.slug == "body_timeout"


async def test_a_part_of_it_is_waited_for_and_nothing_is_taken() -> None:
    arriving, source = body()
    waiting = asyncio.ensure_future(arriving.gather(4))
    for piece in (b"abc", b"d"):
        await asyncio.sleep(0)
        assert not waiting.done()
        arriving.feed(piece)
    assert await waiting is None
    assert (arriving.received, await arriving.read(), source.sent) == (0, b"abcd", b"")


@pytest.mark.parametrize("broken", [None, refuse("body_malformed")])
async def test_all_of_a_shorter_one_is_waited_for(broken: Refusal | None) -> None:
    arriving, _ = body(expects=True)
    waiting = asyncio.ensure_future(arriving.gather(HIGH_WATER))
    await asyncio.sleep(0)
    arriving.feed(b"ab")
    arriving.end(broken)
    assert await waiting is None
    assert arriving.whole() == (broken or b"ab")


async def test_a_part_that_does_not_come_in_time_is_refused_and_the_client_invited_before() -> None:
    arriving, source = body(timeout=0.01, expects=True)
    refused = await arriving.gather(1)
    assert isinstance(refused, Refusal) and refused.reason.slug == "body_timeout"
    assert source.sent.startswith(b"HTTP/1.1 100 ")


async def test_tiny_pieces_that_wait_are_joined() -> None:
    arriving, _ = body()
    waiting = asyncio.ensure_future(arriving.gather(3000))
    for _ in range(1500):
        await asyncio.sleep(0)
        arriving.feed(b"xy")
    assert await waiting is None
    assert sys.getsizeof(arriving._parts) < 10_000
    assert await arriving.read() == b"xy" * 1500


async def test_what_is_put_back_is_read_again_and_holds_the_client_up_as_before() -> None:
    arriving, source = body()
    arriving.feed(b"x" * HIGH_WATER)
    taken = await arriving.read()
    assert isinstance(taken, bytes)
    arriving.feed(b"y")
    arriving.put_back(taken)
    arriving.put_back(b"")
    assert (source.paused, arriving.received) == (1, 0)
    assert await arriving.read() == taken + b"y"
    assert source.paused == 0
    arriving.drop()
    arriving.put_back(taken)
    arriving.end()
    assert arriving.whole() == b""
