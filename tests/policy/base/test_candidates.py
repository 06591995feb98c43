"""Contents that are read whole before a try: some at once, none too large, and the slow ones give way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, refuse
from gateway.policy.base import candidates as module
from gateway.policy.base.candidates import MOST, Candidates


class Content:
    """A content that arrives as the test has it."""

    limit: int | None = None
    complete = late = False

    def __init__(self, length: int | None = 10) -> None:
        self.length = length
        self.arriving: asyncio.Queue[bytes | Refusal] = asyncio.Queue()
        self.back = b""

    async def read(self) -> bytes | Refusal:
        return await self.arriving.get()

    def put_back(self, data: bytes) -> None:
        self.back += data


def upload(*pieces: bytes | Refusal, length: int | None = 10) -> tuple[Exchange, Content]:
    exchange, content = Exchange("POST", "/", {}, "192.0.2.1", 0.0), Content(length)
    for piece in pieces:
        content.arriving.put_nowait(piece)
    exchange.stream = content  # type: ignore[assignment]  # what is asked of it
    return exchange, content


@pytest.fixture
def reading() -> Any:
    """Begins to read requests, as one upstream's candidates."""
    candidates = Candidates()

    async def begin(exchange: Exchange) -> asyncio.Task[bool | Refusal]:
        task = asyncio.create_task(candidates.read_whole(exchange))
        for _ in range(3):
            await asyncio.sleep(0)
        return task

    return begin


async def test_a_content_that_comes_to_its_end_is_the_body(reading: Any) -> None:
    exchange, _ = upload(b"ab", b"cd", b"")
    assert await (await reading(exchange)) is True
    assert exchange.body == b"abcd"


async def test_a_refusal_of_the_content_is_the_verdict(reading: Any) -> None:
    refusal = refuse("body_too_large")
    exchange, _ = upload(b"ab", refusal)
    assert await (await reading(exchange)) is refusal
    assert exchange.body is None


@pytest.mark.parametrize(("length", "pieces"), [(11, []), (None, [b"x" * 6, b"x" * 6])])
async def test_a_content_that_is_too_long_is_left_as_it_was(
    reading: Any, monkeypatch: pytest.MonkeyPatch, length: int | None, pieces: list[bytes]
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    exchange, content = upload(*pieces, length=length)
    assert await (await reading(exchange)) is False
    assert (exchange.body, content.back) == (None, b"".join(pieces))


async def test_a_content_that_takes_too_long_is_given_back(reading: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WITHIN", 0.02)
    exchange, content = upload(b"ab")
    assert await (await reading(exchange)) is False
    assert (exchange.body, content.back) == (None, b"ab")


async def test_there_are_so_many_and_no_more_until_one_has_had_its_time(reading: Any) -> None:
    tasks = [await reading(upload()[0]) for _ in range(MOST)]
    assert await (await reading(upload()[0])) is False
    assert not any(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.sleep(0)
    again = await reading(upload(b"")[0])
    assert await again is True, "a client that leaves makes room"


async def test_the_slowest_makes_room_for_the_next(reading: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLED", 0.02)
    uploads = [upload(b"here before" * 1000 if number == 0 else b"x") for number in range(MOST)]
    tasks = [await reading(exchange) for exchange, _ in uploads]
    await asyncio.sleep(0.03)
    for _, content in uploads[1:]:
        content.arriving.put_nowait(b"more")
    await asyncio.sleep(0)
    for _ in range(2):
        exchange, content = upload()
        tasks.append(await reading(exchange))
    assert await tasks[0] is False, "what was here before is no rate"
    assert uploads[0][1].back == b"here before" * 1000
    assert sum(task.done() for task in tasks) == 2
    content.arriving.put_nowait(b"")
    assert await tasks[-1] is True
    for task in tasks:
        task.cancel()
