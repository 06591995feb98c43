"""The periodic work of a worker: what is done how often."""

from __future__ import annotations

import asyncio

import pytest

from gateway.process import upkeep

ROUNDS = 3


async def test_requests_are_counted_at_each_tick_reported_each_second_and_memory_is_trimmed_every_ten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert upkeep.TICK * upkeep.REPORT == 1
    assert upkeep.TICK * upkeep.TRIM == 10
    monkeypatch.setattr(upkeep, "TICK", 0)
    done: list[str] = []

    def gather() -> None:
        if done.count("trim") == ROUNDS:
            raise asyncio.CancelledError
        done.append("gather")

    with pytest.raises(asyncio.CancelledError):
        await upkeep.keep_up(gather, lambda: done.append("report"), lambda: done.append("trim"))
    assert done.count("gather") == ROUNDS * upkeep.TRIM
    assert done.count("report") == ROUNDS * upkeep.TRIM // upkeep.REPORT
    assert done.index("trim") > upkeep.TRIM
