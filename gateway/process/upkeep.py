"""The periodic work of a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

TICK = 0.25  # seconds between two times that requests are counted
REPORT = 4  # ticks between two reports to the supervisor
TRIM = 40  # ticks between two times that free memory is given back


async def keep_up(gather: Callable[[], None], report: Callable[[], None], trim: Callable[[], None]) -> None:
    """Call ``gather`` at each tick, ``report`` each second and ``trim`` every ten, until cancelled."""
    count = 0
    while True:
        await asyncio.sleep(TICK)
        count += 1
        gather()
        if count % REPORT == 0:
            report()
        if count % TRIM == 0:
            trim()
