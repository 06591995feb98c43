"""The threads that look names up, made before a worker serves.

libuv, below uvloop, makes them at the first lookup, and ends the process where it cannot (``abort``): a request would end the
worker, and the next request the next one. A worker that cannot have them does not begin, and says why.

It gives half of them to lookups: of four, two. Two names that a name server leaves hanging would hold up the lookups of all
others, so their number goes by that of the names.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from urllib.parse import urlsplit

from gateway.config.model import Config
from gateway.config.upstream_settings import is_name
from gateway.core.addresses import LOOKUPS

_SIZE = "UV_THREADPOOL_SIZE"  # of the environment: how many threads libuv makes
_USUAL = 4  # its threads where that says nothing
_MOST = 64


def lookups_at_once(config: Config) -> int:
    """How many lookups a worker with ``config`` may have to make at once; 0 where it looks no names up."""
    names = {
        (endpoint.host, endpoint.port)
        for upstream in config.upstreams.values()
        for endpoint in upstream.endpoints
        if is_name(endpoint.host)
    }
    redis = config.state.redis
    # Its own names, and one that a sentinel or a cluster names.
    servers = 0 if redis is None else urlsplit(redis.reveal()).netloc.rpartition("@")[2].count(",") + 2
    return (len(names) + servers) * LOOKUPS


async def make_resolver_threads(lookups: int) -> None:
    """Have the running loop make its threads, for so many ``lookups`` at once or as many as the environment says. Once in a
    process. Where there can be no so many more, it makes the usual number; raises RuntimeError when that cannot be either."""
    count = _count()
    if count is None:
        os.environ[_SIZE] = str(_make_room(min(max(_USUAL, 2 * lookups - 1), _MOST)))
    else:
        _try_threads(count)
    with contextlib.suppress(OSError):  # the name does not matter
        await asyncio.get_running_loop().getaddrinfo("localhost", 0)


def _count() -> int | None:
    """What the environment says, as libuv reads it."""
    written = os.environ.get(_SIZE)
    if written is None:
        return None
    return min(max(1, int(written)), 1024) if written.isascii() and written.isdigit() else 1


def _make_room(count: int) -> int:
    """How many of ``count`` threads there can be: all, or the usual number. Raises RuntimeError."""
    try:
        _try_threads(count)
    except RuntimeError:
        _try_threads(_USUAL)
        return _USUAL
    return count


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
