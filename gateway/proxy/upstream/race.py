"""Two attempts of one call side by side, of which one counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.core.verdict import Refusal
from gateway.proxy.pool.connection import UpstreamConnection

Runner = asyncio.Task[UpstreamConnection | Refusal]
MakeAttempt = Callable[[], Coroutine[Any, Any, UpstreamConnection | Refusal]]


async def race(attempt: MakeAttempt, after: float, another: Callable[[], bool]) -> tuple[Runner, bool | None]:
    """Make ``attempt``, and once more if it is not done ``after`` seconds and ``another`` allows it then.

    The first good answer is the one: what comes of the other attempt is dropped and its connection closed. Where neither
    is good, it is an answer rather than an error, and the first attempt's rather than the second's. Given back is the
    attempt that won, which is done, and whether it is the second, None when there was none.
    """
    first = asyncio.create_task(attempt())
    runners = [first]
    winner: Runner | None = None
    try:
        await asyncio.wait((first,), timeout=after)
        if not first.done() and another():
            runners.append(asyncio.create_task(attempt()))
        running = set(runners)
        while running and winner is None:
            _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            winner = next((runner for runner in runners if _good(runner)), None)
        if winner is None:
            winner = next((runner for runner in runners if _answered(runner)), first)
        return winner, winner is not first if len(runners) > 1 else None
    finally:
        for runner in runners:
            if runner is not winner:
                _drop(runner)


def _answered(runner: Runner) -> bool:
    return runner.done() and runner.exception() is None and isinstance(runner.result(), UpstreamConnection)


def _good(runner: Runner) -> bool:
    """Whether it brought an answer that is not the server's own trouble."""
    if not _answered(runner):
        return False
    answer = runner.result()
    return isinstance(answer, UpstreamConnection) and answer.status < 500


def _drop(runner: Runner) -> None:
    """End an attempt that lost, whatever it is at; its connection closes, so that nothing of its answer is ever read."""
    if not runner.cancel() and runner.exception() is None:
        answer = runner.result()
        if isinstance(answer, UpstreamConnection):
            answer.close()
