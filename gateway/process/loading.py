"""Loading the files off the loop of the supervisor, which goes on replacing workers and responding to operators.

A file may lie where reading takes its time or never ends (NFS that is away). Nothing can end the thread that waits for it, so
it is one, and while it waits nothing else is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import NamedTuple

from gateway.config.files_read import FilesRead
from gateway.config.model import Config
from gateway.config.problem import Problem

SECONDS = 10.0
"""For reading and checking all files; the shipped ones take 0.2."""

Loader = Callable[[FilesRead], Config | list[Problem]]
"""Reads the files, and notes what it has read."""


class Loaded(NamedTuple):
    """What the files say, or what is wrong with them, and what was read for it. ``torn``: that is not what is there now."""

    found: Config | list[str]
    reads: FilesRead
    torn: bool = False


class Loading:
    """Calls ``load`` in a thread of its own, one at a time."""

    def __init__(self, load: Loader, seconds: float = SECONDS) -> None:
        self._load = load
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._reading = False

    async def load(self, is_there: Callable[[FilesRead], bool] = lambda _: True) -> Loaded:
        """Load the files. ``is_there`` says, in the thread that has read them, whether what was read is what is there."""
        async with self._lock:
            return await self._read(is_there)

    async def _read(self, is_there: Callable[[FilesRead], bool]) -> Loaded:
        reads = FilesRead()
        if self._reading:
            return Loaded(["the files are still being read, since a reload that took too long"], reads)
        loop = asyncio.get_running_loop()
        loaded: asyncio.Future[Loaded] = loop.create_future()

        def read() -> None:
            found: Loaded | BaseException
            try:
                result = self._load(reads)
                shown = result if isinstance(result, Config) else [str(problem) for problem in result]
                found = Loaded(shown, reads, not is_there(reads))
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
                return await loaded
        except TimeoutError:
            why = f"the files could not be read within {self._seconds:g} s"
        except (OSError, RuntimeError, MemoryError, ValueError) as error:
            why = f"the files could not be read: {type(error).__name__}"
        # A copy: the thread may go on.
        return Loaded([why], FilesRead(dict(reads.contents), dict(reads.most)))


def _set(future: asyncio.Future[Loaded], found: Loaded | BaseException) -> None:
    if future.done():
        return
    if isinstance(found, BaseException):
        future.set_exception(found)
    else:
        future.set_result(found)
