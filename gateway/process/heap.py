"""Gives memory that a worker's allocator keeps and does not need back to the system. The only door to the C library.

glibc's ``malloc`` gives back only the end of its heap: one small object there keeps all that a burst has needed below it.
A fixed ``MALLOC_MMAP_THRESHOLD_`` of 128 KiB keeps large pieces out of the heap, but a download then costs 2.4 times as
much, an upload 1.7 times.
"""

from __future__ import annotations

from collections.abc import Callable


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
