"""The loop of a dry run: its time passes only by what is waited for."""

from __future__ import annotations

import asyncio

import pytest

from gateway.review.dry_run.clock import DryClock, dry_loop


def test_time_passes_to_the_next_timer_and_no_further() -> None:
    clock = DryClock(100.0)
    loop, seen = dry_loop(clock), []

    async def wait() -> None:
        await asyncio.sleep(60)
        seen.append(clock.wall())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.get_running_loop().create_future()
        seen.append(clock.wall())

    loop.call_later(3600, seen.append, "late")
    with loop.running():
        task = loop.create_task(wait())
        loop.run_until(task.done)
        assert seen == [160.0, 161.0]
        clock.advance(3600)
        loop.catch_up()
    assert seen[-1] == "late"


def test_what_waits_for_nothing_is_a_bug_and_no_endless_wait() -> None:
    loop = dry_loop(DryClock(0.0))
    with loop.running(), pytest.raises(RuntimeError, match="waits for nothing"):
        loop.run_until(lambda: False)


def test_a_callback_that_raises_is_not_lost() -> None:
    loop = dry_loop(DryClock(0.0))
    loop.call_exception_handler({"message": "lost", "exception": KeyError("x")})
    with loop.running(), pytest.raises(KeyError):
        loop.run_until(lambda: True)


def test_time_does_not_run_backwards() -> None:
    for seconds in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="backwards"):
            DryClock(0.0).advance(seconds)
