"""Reloading when the files have changed. It looks at contents: an event says when to look, and nothing else.

Files are written in steps: an editor empties one and fills it, a deployment replaces several. So a change counts when nothing more
changes for a while, longer where something is missing; and what a load has read counts when that is what was there before and
after it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError

from gateway.config.files_read import FILE, Contents, FilesRead, digest_of
from gateway.process.file_events import FileEvents
from gateway.process.watched_files import WatchedFiles, directories

QUIET = 0.5
"""Seconds without a change after which what is there is taken for whole."""
GONE = 2.0
"""The same where a file is missing or empty that was neither: it is being replaced, or gone for good."""
EVERY = 30.0
"""Seconds after which it looks without an event: not every file system has events (NFS has none of other hosts)."""
POLL = 5.0
"""The same where nothing can be watched."""
UNSETTLED = 30.0
"""Seconds of changes without a quiet moment that are worth a line in the log."""
TRIES = 5
"""Loads in a row that may read what is not there any more when they are done, before it waits again."""

Reload = Callable[[Callable[[FilesRead], bool]], Coroutine[None, None, object]]
"""Reloads, unless the function that it gets says of what was read that it is not what is there."""


class FileWatch:
    """Watches in a thread of its own, so that a file system that hangs holds up nobody else.

    ``reads`` gives what the last load has read, whoever asked for it; ``reload`` is called in the loop that ``start`` is called in.
    ``on_event`` is for the log, also in that loop.
    """

    def __init__(self, reads: Callable[[], FilesRead], reload: Reload, on_event: Callable[..., None]) -> None:
        self._reads = reads
        self._reload = reload
        self._on_event = on_event
        self._files = WatchedFiles()
        self._stop = threading.Event()
        self._events = FileEvents(self._stop)
        self._lost = ""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, without waiting for what is under way."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.cycle()
            except Exception as error:  # whatever it is, files go on being watched
                self._events.close()
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    self._report("watch_failed", error=f"{type(error).__name__}: {error}"[:200])
                self._stop.wait(POLL)
        self._events.close()

    def cycle(self) -> None:
        """Wait for an event, or for a while, look, and reload where there is another content."""
        began = time.monotonic()
        self._events.watch(directories(self._reads()))
        looked = time.monotonic() - began
        self._events.wait(POLL if self._events.lost else EVERY)
        self._report_lost()
        for _ in range(TRIES):
            now = self._changed()
            if now is None or self._stop.is_set():
                break
            self._settle(now)
            self._load()
        # Huge directories take long to look through, and get less of it.
        self._stop.wait(min(EVERY, 10 * looked))

    def _load(self) -> None:
        if self._stop.is_set():
            return
        with contextlib.suppress(CancelledError):  # the run ends
            asyncio.run_coroutine_threadsafe(self._reload(self._is_there), self._loop).result()

    def _report_lost(self) -> None:
        if self._events.lost != self._lost:
            self._lost = self._events.lost
            if self._lost:
                self._report("watch_lost", why=self._lost, every_s=POLL)
            else:
                self._report("watch_back")

    def _report(self, name: str, **fields: object) -> None:
        self._loop.call_soon_threadsafe(lambda: self._on_event(name, **fields))

    def _now(self) -> Contents:
        return self._files.now(self._reads(), time.time_ns())

    def _changed(self) -> Contents | None:
        """What is there now, None where it is what was read last."""
        now = self._now()
        return None if now == self._reads().contents else now

    def _settle(self, now: Contents) -> None:
        """Wait until nothing has changed for a while."""
        began = since = time.monotonic()
        reported = False
        while not self._stop.wait(QUIET / 4):
            again, at = self._now(), time.monotonic()
            if again != now:
                now, since = again, at
            elif at - since >= (GONE if _lacks(self._reads().contents, now) else QUIET):
                return
            if at - began > UNSETTLED and not reported:
                reported = True
                self._report("watch_unsettled", seconds=int(at - began))

    def _is_there(self, read: FilesRead) -> bool:
        """Whether what was ``read`` is all there now: a load while others write may have read a half of it."""
        return self._files.now(read, time.time_ns()) == read.contents


_NOTHING = (None, digest_of(b""))


def _lacks(before: Contents, now: Contents) -> bool:
    """Whether a file that was read is missing now, or empty."""
    return any(key[0] == FILE and digest not in _NOTHING and now.get(key) in _NOTHING for key, digest in before.items())
