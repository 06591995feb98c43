"""The periodic work of a worker: what is done how often, and that nothing waits for more than a slice of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from gateway.process import upkeep

ROUNDS = 3


class Work:
    """What was done, in order, each in so many ``slices``. It ends the upkeep after ``ticks`` of them."""

    def __init__(self, ticks: int, slices: int = 1) -> None:
        self.done: list[str] = []
        self._ticks = ticks
        self._slices = slices

    def gather(self) -> Iterator[None]:
        if self.done.count("gather") == self._ticks * self._slices:
            raise asyncio.CancelledError
        return self._named("gather")

    def report(self) -> Iterator[None]:
        return self._named("report")

    def tidy(self) -> Iterator[None]:
        return self._named("tidy")

    def _named(self, name: str) -> Iterator[None]:
        for _ in range(self._slices):
            self.done.append(name)
            yield


async def kept_up(work: Work, used: float = 0.0, held: Callable[[], int] = lambda: 0) -> None:
    """Keep up until the work is over. Each tick uses ``used`` seconds of processor time."""
    moments = iter(range(10**9))
    with pytest.raises(asyncio.CancelledError):
        await upkeep.keep_up(work.gather, work.report, work.tidy, lambda: next(moments) * used, held)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "TICK", 0)


def test_how_often_what_is_done() -> None:
    assert upkeep.REPORT * 0.25 == 1
    assert upkeep.TIDY * 0.25 == 10
    assert upkeep.TIDY_AT_LAST * 0.25 == 3600


async def test_requests_are_counted_at_each_tick_reported_each_second_and_memory_is_tidied_every_ten() -> None:
    work = Work(ROUNDS * upkeep.TIDY)
    await kept_up(work)
    assert work.done.count("gather") == ROUNDS * upkeep.TIDY
    assert work.done.count("report") == ROUNDS * upkeep.TIDY // upkeep.REPORT
    assert work.done.count("tidy") == ROUNDS
    assert work.done.index("tidy") > upkeep.TIDY


async def test_a_busy_worker_leaves_its_memory_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(3 * upkeep.TIDY)
    await kept_up(work, used=1.0)
    assert "tidy" not in work.done
    monkeypatch.setattr(upkeep, "TIDY_AT_LAST", 2 * upkeep.TIDY)
    work = Work(3 * upkeep.TIDY)
    await kept_up(work, used=1.0)
    assert work.done.count("tidy") == 1, "in the end it is done all the same"


async def test_a_busy_worker_that_grows_tidies_up_and_one_that_stays_large_does_not() -> None:
    work = Work(8 * upkeep.TIDY)
    sizes = iter([0, *[upkeep.GROWN - 1] * 20, *[upkeep.GROWN] * 10**6])  # some at each tick from the tenth second on
    await kept_up(work, used=1.0, held=lambda: next(sizes))
    assert work.done.count("tidy") == 1
    assert work.done[: work.done.index("tidy")].count("gather") == upkeep.TIDY + 20


async def test_others_have_their_turn_between_any_two_slices() -> None:
    work = Work(4, slices=5)

    async def others() -> None:
        while True:
            work.done.append("request")
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await kept_up(work)
    task.cancel()
    pairs = list(zip(work.done, work.done[1:], strict=False))
    assert work.done.count("gather") == 20 and work.done.count("report") == 5
    assert [pair for pair in pairs if "request" not in pair] == [], "no two slices without a request between them"
