"""What a piece of work costs, in seconds of processor time: others may use the machine, and it may be a slow one."""

from __future__ import annotations

import contextlib
import gc
import re
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from time import thread_time

_REFERENCE = 'a,b;"c" ' * 4000
_REFERENCE_TIME = 0.0007
"""Seconds that ``slowdown`` measures on the machine that the bounds of tests are meant for, when it is idle."""

AGAIN = 40
"""How often a piece of work is measured again that took longer than it may: what else runs on the machine takes caches and
units of a core from some of these runs, and hardly from all."""

FAR = 10
"""So many times as long as it may is no fault of what else runs, and is not measured again."""


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Without the garbage collector, which would find what other tests have left, and without the tracing of coverage,
    which makes Python's own code some times slower than the library's."""
    tracing = sys.gettrace()
    gc.disable()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracing)
        gc.enable()


def slowdown() -> float:
    """How many times as long as meant this machine takes for anything now; at least 1."""
    with undisturbed():
        began = [thread_time()]
        for _ in range(3):
            sorted(_REFERENCE.split(","))
            re.sub("[bc]", "", _REFERENCE)
            began.append(thread_time())
    return max(1.0, min(after - before for before, after in pairwise(began)) / _REFERENCE_TIME)


def processor_time(work: Callable[[], object], enough: float = 0.0, rounds: int = 3) -> float:
    """Seconds of processor time that ``work`` takes, the best of some ``rounds``; fewer where one takes less than ``enough``.

    What ``work`` raises for input that it refuses, a ValueError, is part of it.
    """
    best = float("inf")
    with undisturbed():
        for _ in range(rounds):
            began = thread_time()
            with contextlib.suppress(ValueError):
                work()
            best = min(best, thread_time() - began)
            if best < enough:
                break
    return best


def takes_at_most(seconds: float, work: Callable[[], object], rounds: int = 3) -> bool:
    """Whether ``work`` takes no more than ``seconds`` of processor time on the machine that these are meant for. What took
    longer is done some times more: others may use the caches of this one."""
    taken = processor_time(work, seconds, rounds)
    if taken <= seconds:
        return True
    if taken > FAR * seconds * slowdown():
        return False
    return min(taken, processor_time(work, seconds, AGAIN)) <= seconds * slowdown()
