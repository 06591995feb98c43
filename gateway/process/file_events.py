"""Events of the file system: the door to watchfiles, which is loaded where files are watched."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Set
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

from gateway.process.watched_files import Directory, matters

if TYPE_CHECKING:
    from watchfiles import Change

DEBOUNCE, STEP, TIMEOUT = 300, 100, 1000
"""Milliseconds that events are gathered for, between two looks for them, and that the package waits for one."""


class FileEvents:
    """Waits for events in directories, until ``stop`` is set. Where the kernel cannot watch them (too many watches, a file system
    without) it waits for the time alone: ``lost`` says why then."""

    def __init__(self, stop: Event, clock: Callable[[], float] = monotonic) -> None:
        self.lost = ""
        self._stop = stop
        self._clock = clock
        self._watched: dict[str, Directory] = {}
        self._events: Generator[Set[object]] | None = None
        self._begun = False
        self._until = 0.0

    def watch(self, directories: dict[str, Directory]) -> bool:
        """Watch ``directories`` from now on. Returns whether they are other ones than before, or other ones of the same names."""
        if directories == self._watched:
            return False
        self.close()
        self._watched = directories
        self._events = self._begin([path for path, one in directories.items() if one.identity is not None])
        self._begun = False
        self.lost = ""
        return True

    def wait(self, seconds: float) -> None:
        """Return at an event that matters, after ``seconds``, or at the end. The first wait for a set of directories is a short one:
        only then the watch begins, and what has happened before it shows in another look."""
        begun, self._begun = self._begun, True
        self._until = self._clock() + (seconds if begun else 0.0)
        try:
            while self._events is not None and not self._stop.is_set():
                if next(self._events, None) or self._clock() >= self._until:
                    return
        except OSError as error:
            self._events = None
            self.lost = os.strerror(error.errno) if error.errno else str(error)[:200] or type(error).__name__
        self._stop.wait(seconds)

    def close(self) -> None:
        """Watch nothing any more."""
        if self._events is not None:
            self._events.close()
        self._events, self._watched = None, {}

    def _begin(self, paths: list[str]) -> Generator[Set[object]]:
        from watchfiles import watch

        def wanted(_: Change, path: str) -> bool:
            # In a directory where others write all the time, their events must not put off the end of the wait.
            return matters(self._watched, path) or self._clock() >= self._until

        return watch(
            *paths,
            watch_filter=wanted,
            debounce=DEBOUNCE,
            step=STEP,
            stop_event=self._stop,
            rust_timeout=TIMEOUT,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
            force_polling=False,
            ignore_permission_denied=True,
        )
