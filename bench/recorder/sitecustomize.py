"""Loaded into a worker that is measured for gaps: notes the processor time of each piece of its periodic work.

Python imports a module of this name at its start where its folder is on PYTHONPATH. At the end it writes, by the name of the
work, the longest and the median of its pieces in milliseconds, and how many there were, as JSON to the file BENCH_HOLDS.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import thread_time
from typing import Any

held: dict[str, list[float]] = {}


def note(name: str, began: float) -> None:
    """Note a piece of work that began at ``began``, by this thread's processor time."""
    held.setdefault(name, []).append((thread_time() - began) * 1000)


def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, each call of which is noted."""

    def call(*arguments: object) -> Any:
        began = thread_time()
        try:
            return function(*arguments)
        finally:
            note(name, began)

    return call


def replace(owner: object, name: str, function: object) -> None:
    """Put ``function`` in the place of what ``owner`` has under ``name``."""
    setattr(owner, name, function)


def watch_collector() -> None:
    """Note each collection by its generation."""
    began = 0.0

    def on_collection(phase: str, info: dict[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = thread_time()
        else:
            note(f"collector, generation {info['generation']}", began)

    gc.callbacks.append(on_collection)


def watch() -> None:
    """Put clocks around the periodic work of a worker."""
    import asyncio

    import gateway.process.heap as heap
    import gateway.process.upkeep as upkeep
    import gateway.process.worker as worker
    from gateway.ops.sink import Sink
    from gateway.proxy.pool.pool import Pool
    from gateway.proxy.server.server import Server

    async def between_others(slices: Any) -> None:
        step = timed(slices.__qualname__, slices.__next__)
        while True:
            try:
                step()
            except StopIteration:
                return
            await asyncio.sleep(0)

    settle = heap.settle

    def settled() -> None:
        settle()
        held.clear()  # what the start took says nothing

    replace(upkeep, "_between_others", between_others)
    replace(worker, "settle", settled)  # imported there by its name
    replace(Server, "_go_on", timed("sweep of connections", Server._go_on))
    replace(Pool, "_tick", timed("clock of upstream calls", Pool._tick))
    write, put = Sink._some, Sink._put_slice
    written = 0.0

    def timed_write(sink: Sink, data: memoryview) -> int:
        nonlocal written
        began = thread_time()
        sent = write(sink, data)
        written += thread_time() - began  # other threads run meanwhile
        return sent

    def timed_put(sink: Sink, size: int) -> int:
        nonlocal written
        written, began = 0.0, thread_time()
        lost = put(sink, size)
        note("log", began + written)
        return lost

    replace(Sink, "_some", timed_write)
    replace(Sink, "_put_slice", timed_put)
    watch_collector()


def save() -> None:
    """Write what was noted."""
    pieces = {
        name: {"longest_ms": max(times), "median_ms": statistics.median(times), "pieces": len(times)}
        for name, times in held.items()
    }
    Path(os.environ["BENCH_HOLDS"]).write_text(json.dumps(pieces))


if "BENCH_HOLDS" in os.environ and any("worker_main" in argument for argument in sys.orig_argv):
    watch()
    atexit.register(save)
