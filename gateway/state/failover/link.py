"""Whether Redis is used: the first reply that is late or wrong takes it out, and trying in the background brings it back."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable

from gateway.state.redis.pipeline import Unreachable

_PULL = 1.0  # seconds between two pulls while Redis is up
_FIRST, _LAST = 0.1, 2.0  # seconds between two tries to get back; doubled from the first to the last
_STABLE = 10.0  # seconds of good replies after which the next outage is a new one


class Link:
    """``recover`` brings Redis back into use and ``pull`` is called once a second while it is; both raise Unreachable.
    ``on_change`` is called with (up, why) at every change. Belongs to one event loop."""

    def __init__(
        self,
        recover: Callable[[], Awaitable[None]],
        pull: Callable[[], Awaitable[None]],
        on_change: Callable[[bool, str], None],
    ) -> None:
        self.up = False
        self.why = "not connected yet"
        """Why it is not up, in a sentence without secrets."""
        self._recover = recover
        self._pull = pull
        self._on_change = on_change
        self._down = asyncio.Event()
        self._pause = _FIRST
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    @property
    def started(self) -> bool:
        """Whether ``start`` was called."""
        return self._task is not None

    async def start(self) -> None:
        """Connects if that works within some two seconds, and goes on trying in the background."""
        try:
            await self._come_up()
        except Unreachable as error:
            self.why = str(error)
            self._on_change(False, self.why)
        self._task = asyncio.create_task(self._watch())

    def mark_down(self, error: Unreachable) -> None:
        """Redis has failed with ``error``."""
        self.why = str(error)
        if self.up:
            self.up = False
            self._down.set()
            self._on_change(False, self.why)

    async def _watch(self) -> None:
        while not self._closed:  # redis-py may take a cancellation for an error of the connection
            try:
                if self.up:
                    await self._stay_up()
                else:
                    # Not all replicas at the same moment: a Redis that has just started should not be stormed.
                    await asyncio.sleep(self._pause * (0.75 + os.urandom(1)[0] / 512))
                    self._pause = min(2 * self._pause, _LAST)
                    await self._come_up()
            except Unreachable as error:
                self.mark_down(error)
            except Exception as error:  # any error at all: trying goes on
                self.mark_down(Unreachable(f"{type(error).__name__}: {error}"))

    async def _come_up(self) -> None:
        await self._recover()
        self.up = True
        self.why = ""
        self._on_change(True, "")

    async def _stay_up(self) -> None:
        """Pulls until Redis is down; raises Unreachable when a pull is what finds out."""
        stable = asyncio.get_running_loop().time() + _STABLE
        self._down.clear()
        while self.up:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._down.wait(), _PULL)
                return
            if asyncio.get_running_loop().time() > stable:
                self._pause = _FIRST
            await self._pull()

    async def close(self) -> None:
        """Ends trying."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
