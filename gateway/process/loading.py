"""Loading the files off the loop of the supervisor, which goes on replacing workers and responding to operators.

A file may lie where reading takes its time or never ends (NFS that is away). Nothing can end the thread that waits for it, so
it is one, and while it waits nothing else is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

from gateway.config.model import Config
from gateway.config.problem import Problem

SECONDS = 10.0
"""For reading and checking all files; the shipped ones take 0.2."""

Loader = Callable[[], Config | list[Problem]]


class Loading:
    """Calls ``load`` in a thread of its own, one at a time."""

    def __init__(self, load: Loader, seconds: float = SECONDS) -> None:
        self._load = load
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._reading = False

    async def load(self) -> Config | list[str]:
        """The configuration of the files, or what is wrong with them."""
        async with self._lock:
            return await self._read()

    async def _read(self) -> Config | list[str]:
        if self._reading:
            return ["the files are still being read, since a reload that took too long"]
        loop = asyncio.get_running_loop()
        loaded: asyncio.Future[Config | list[Problem]] = loop.create_future()

        def read() -> None:
            try:
                found: Config | list[Problem] | BaseException = self._load()
            except BaseException as error:
                found = error
            self._reading = False
            with contextlib.suppress(RuntimeError):  # the run has ended meanwhile
                loop.call_soon_threadsafe(_set, loaded, found)

        # A daemon, since the run must be able to end without it.
        thread = threading.Thread(target=read, name="loading", daemon=True)
        self._reading = True
        thread.start()
        try:
            async with asyncio.timeout(self._seconds):
                found = await loaded
        except TimeoutError:
            return [f"the files could not be read within {self._seconds:g} s"]
        except (OSError, RuntimeError, MemoryError, ValueError) as error:
            return [f"the files could not be read: {type(error).__name__}"]
        return found if isinstance(found, Config) else [str(problem) for problem in found]


def _set(future: asyncio.Future[Config | list[Problem]], found: Config | list[Problem] | BaseException) -> None:
    if future.done():
        return
    if isinstance(found, BaseException):
        future.set_exception(found)
    else:
        future.set_result(found)
