"""The periodic work of a worker, in slices: requests are served between any two of them.

A slice takes 0.1 to 0.2 ms. What cannot be cut is left to moments in which little else is to be done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from time import thread_time

from gateway.process.heap import own_memory

TICK = 0.25  # seconds between two times that requests are counted
REPORT = 4  # ticks between two reports to the supervisor
TIDY = 40  # ticks between two times that memory is tidied up, at least
TIDY_AT_LAST = 14_400  # ticks after which that is done although no moment was quiet: an hour
GROWN = 32 * 2**20
"""Bytes by which a worker may have grown before it is done in a busy moment, too. Cycles that requests leave are gone with the
youngest objects, but for those that lived long: of calls that failed they were 1.4 KiB each, some 10 GB in an hour at full load."""
QUIET = 0.5  # of a processor: who has used less of it within a tick has time

Work = Callable[[], Iterable[None]]
"""Work that is cut into slices by what it yields."""


async def keep_up(
    gather: Work,
    report: Work,
    tidy: Work,
    used: Callable[[], float] = thread_time,
    held: Callable[[], int] = own_memory,
) -> None:
    """Do ``gather`` at each tick, ``report`` each second and ``tidy`` every ten, or later, when the worker is quiet or has grown,
    until cancelled. ``used`` gives the seconds of processor time that its loop has used, ``held`` its memory in bytes."""
    loop = asyncio.get_running_loop()
    ticks = tidied = 0
    kept = held()
    while True:
        began, before = loop.time(), used()
        await asyncio.sleep(TICK)
        ticks += 1
        quiet = used() - before <= QUIET * (loop.time() - began)
        await _between_others(gather())
        if ticks % REPORT == 0:
            await _between_others(report())
        since = ticks - tidied
        if since >= TIDY_AT_LAST or (since >= TIDY and (quiet or held() - kept >= GROWN)):
            tidied = ticks
            await _between_others(tidy())
            kept = held()


async def _between_others(slices: Iterable[None]) -> None:
    """Do the work, one slice in each iteration of the event loop."""
    for _ in slices:
        await asyncio.sleep(0)
