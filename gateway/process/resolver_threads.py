"""The threads that look names up, made before a worker serves.

libuv, below uvloop, makes them at the first lookup, and ends the process where it cannot (``abort``): a request would end the
worker, and the next request the next one. A worker that cannot have them does not begin, and says why.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading

from gateway.config.model import Config
from gateway.config.upstream_settings import is_name

_USUAL = 4  # threads of libuv unless the environment's UV_THREADPOOL_SIZE says another number


def needs_lookups(config: Config) -> bool:
    """Whether a worker with ``config`` looks names up."""
    if config.state.redis is not None:
        return True
    return any(is_name(endpoint.host) for upstream in config.upstreams.values() for endpoint in upstream.endpoints)


async def make_resolver_threads() -> None:
    """Have the running loop make its threads for lookups. Raises RuntimeError when there can be no so many more."""
    _try_threads(_count())
    with contextlib.suppress(OSError):  # the name does not matter
        await asyncio.get_running_loop().getaddrinfo("localhost", 0)


def _count() -> int:
    written = os.environ.get("UV_THREADPOOL_SIZE")
    if written is None:
        return _USUAL
    return min(max(1, int(written)), 1024) if written.isascii() and written.isdigit() else 1


def _try_threads(count: int) -> None:
    """Make ``count`` threads that end at once again. Raises RuntimeError."""
    end = threading.Event()
    made: list[threading.Thread] = []
    try:
        for _ in range(count):
            thread = threading.Thread(target=end.wait, name="try", daemon=True)
            thread.start()
            made.append(thread)
    finally:
        end.set()
        for thread in made:
            thread.join()
