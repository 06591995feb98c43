"""Waiting for something that nothing announces: the one place where a test looks again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeVar

Found = TypeVar("Found")

PAUSE = 0.005  # seconds between two looks
WITHIN = 20.0  # seconds: a loaded machine is slow, and a condition that never holds must still end the test


async def eventually(
    condition: Callable[[], Found | Awaitable[Found]], within: float = WITHIN, pause: float = PAUSE
) -> Found:
    """Look at ``condition`` until it is true, and return what it gave.

    ``condition`` may be a coroutine function. ``within`` and ``pause`` are in seconds. Raises AssertionError with the
    last value when it is still false after ``within``.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while True:
        found = condition()
        value: Found = await found if isawaitable(found) else found  # type: ignore[assignment]  # the other half of the union
        if value:
            return value
        if loop.time() >= until:
            raise AssertionError(f"still {value!r} after {within} s")
        await asyncio.sleep(pause)
