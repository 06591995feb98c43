"""How long a client may go on sending that was refused, on a clock of the loop's own."""

from __future__ import annotations

import asyncio

import pytest

from gateway.proxy.server import linger
from gateway.proxy.server.linger import Linger


class Over:
    """Counts how often it is over, and when that was first."""

    def __init__(self) -> None:
        self.times = 0
        self.first = asyncio.Event()

    def __call__(self) -> None:
        self.times += 1
        self.first.set()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linger, "STILL", 0.05)
    monkeypatch.setattr(linger, "MOST_SECONDS", 0.3)
    monkeypatch.setattr(linger, "MOST_BYTES", 1000)


async def test_it_lasts_as_long_as_bytes_come_and_no_longer_than_its_time():
    loop, over = asyncio.get_running_loop(), Over()
    began = loop.time()
    lingering = Linger(loop, over)
    while not over.times:
        lingering.took(1)
        await asyncio.sleep(0.01)
    assert over.times == 1 and 0.25 < loop.time() - began < 3.0


async def test_who_sends_nothing_is_not_waited_for():
    loop, over = asyncio.get_running_loop(), Over()
    began = loop.time()
    Linger(loop, over)
    await asyncio.wait_for(over.first.wait(), 5)
    assert loop.time() - began < 0.25


async def test_more_bytes_than_are_taken_end_it_once():
    over = Over()
    lingering = Linger(asyncio.get_running_loop(), over)
    lingering.took(1000)
    assert not over.times
    lingering.took(1)
    assert over.times == 1
    await asyncio.sleep(0.1)
    assert over.times == 1


async def test_what_is_cancelled_says_nothing():
    over = Over()
    Linger(asyncio.get_running_loop(), over).cancel()
    await asyncio.sleep(0.1)
    assert not over.times
