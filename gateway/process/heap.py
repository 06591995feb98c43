"""What a worker does about memory between requests: cycles are collected, and what its allocator keeps and does not need is
given back to the system. The only door to the C library.

glibc's ``malloc`` gives back only the end of its heap: one small object there keeps all that a burst has needed below it.
A fixed ``MALLOC_MMAP_THRESHOLD_`` of 128 KiB keeps large pieces out of the heap, but a download then costs 2.4 times as
much, an upload 1.7 times.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from mmap import PAGESIZE

YOUNG = (300, 2)
"""Objects made, and collections of these, after which the collector looks through the young ones by itself: 0.2 ms at most,
where (700, 10) takes 2. Through all of them, which takes milliseconds where there are thousands of connections, it looks only
when it is called."""

_NEVER = 2**31 - 1


def own_memory() -> int:
    """Bytes of memory that this process has for itself, 0 where the system does not say so (Linux does, proc(5)). It takes some
    20 us."""
    try:
        with open("/proc/self/statm", "rb", buffering=0) as file:
            _, resident, shared, *_ = file.read(256).split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * PAGESIZE


def trimmer() -> Callable[[], None]:
    """A function that gives back the pages within the heap that hold nothing (malloc_trim(3): glibc only; with another
    C library, such as musl, it does nothing). It takes 0.2 to 1.5 ms, during which nothing else runs."""
    try:
        import ctypes  # here and not above: an interpreter may be built without

        trim = ctypes.CDLL(None).malloc_trim
    except (ImportError, OSError, AttributeError):
        return lambda: None
    trim.argtypes = (ctypes.c_size_t,)

    def give_back() -> None:
        trim(0)

    return give_back


def settle() -> None:
    """Keep what is here now for good: there is no need to look through it again, and no time while requests are served."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*YOUNG, _NEVER)


def tidier() -> Callable[[], Iterator[None]]:
    """A function that tidies memory up: each slice of it takes up to some milliseconds, and is for quiet moments."""
    give_back = trimmer()

    def tidy() -> Iterator[None]:
        gc.collect()
        yield
        give_back()

    return tidy
