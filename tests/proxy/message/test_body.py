"""A request body while it arrives: who waits for whom, and for how long."""

from __future__ import annotations

import asyncio

import pytest

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
    refused = await large.read_all()
    assert isinstance(refused, Refusal) and refused.reason.slug == "body_too_large" and refused.close
    broken, _ = body()
    broken.feed(b"x")
    broken.end(refuse("body_malformed"))
    refused = await broken.read_all()
    assert isinstance(refused, Refusal) and refused.reason.slug == "body_malformed"


async def test_a_client_that_sends_nothing_is_not_waited_for_longer_than_its_time() -> None:
    arriving, _ = body(timeout=0.01)
    refused = await arriving.read()
    assert isinstance(refused, Refusal) and refused.reason.slug == "body_timeout"
