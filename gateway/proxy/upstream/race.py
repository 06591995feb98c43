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
    """Make ``attempt``, and a second one if it takes longer than ``after`` seconds and ``another`` allows it then.

    The first good response wins; the other attempt is ended and its connection closed. Where neither is good, a response
    wins over an error, and the first attempt over the second. Returns the attempt that won, which is done, and whether
    it is the second, None when there was no second.
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
            winner = next((runner for runner in runners if _has_response(runner)), first)
        return winner, winner is not first if len(runners) > 1 else None
    finally:
        for runner in runners:
            if runner is not winner:
                _drop(runner)


def _has_response(runner: Runner) -> bool:
    return runner.done() and runner.exception() is None and isinstance(runner.result(), UpstreamConnection)


def _good(runner: Runner) -> bool:
    """Whether it has a response that is not a server error (RFC 9110 15.6)."""
    if not _has_response(runner):
        return False
    response = runner.result()
    return isinstance(response, UpstreamConnection) and response.status < 500


def _drop(runner: Runner) -> None:
    """End an attempt that lost. Its connection closes, so that no byte of its response is ever read."""
    if not runner.cancel() and runner.exception() is None:
        response = runner.result()
        if isinstance(response, UpstreamConnection):
            response.close()
