"""What is to be done in one turn of the event loop, done side by side.

A request executes some thousands of bytecodes once each. One request after the other, each finds the processor's branch
predictor full of what the others left; the same few hundred bytecodes for all requests of the turn, then the next few
hundred, cost half of that (measured on the stages of ``bench.stages``: 75 us in a row, 42 us by eight, 36 us by
thirty-two). Packet processors work like this (D. Barach et al., High-Speed Software Data Plane via Vectorized Packet
Processing, IEEE Communications Magazine 56(12), 2018).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

Phase = Callable[[Any], Any]


class Grouped(NamedTuple):
    """A phase that the items of a turn go through within one context, where there are several."""

    context: Callable[[], AbstractContextManager[object]]
    phase: Phase


class Item(Protocol):
    """What goes through the phases."""

    def failed(self, error: Exception) -> None:
        """A phase raised; the item goes no further."""


class PhaseBatch:
    """Takes what ``add`` was given through ``phases``, all of it through each. What a phase returns goes on, None does not."""

    __slots__ = ("_loop", "_phases", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, phases: Sequence[Phase | Grouped]) -> None:
        self._loop = loop
        self._phases = tuple(phases)
        self._waiting: list[Item] = []

    @property
    def waiting(self) -> int:
        """Items whose turn has not come."""
        return len(self._waiting)

    def add(self, item: Item) -> None:
        """Have ``item`` done with what else there is in this turn."""
        if not self._waiting:
            self._loop.call_soon(self._run)
        self._waiting.append(item)

    def _run(self) -> None:
        items, self._waiting = self._waiting, []
        for phase in self._phases:
            items = self._within(phase, items) if isinstance(phase, Grouped) else self._through(phase, items)

    def _within(self, step: Grouped, items: list[Item]) -> list[Item]:
        if len(items) < 2:
            return self._through(step.phase, items)
        going = items
        try:
            with step.context():
                going = self._through(step.phase, items)
        except Exception as error:  # what they have done may be undone
            for item in going:
                self._failed(item, error)
            return []
        return going

    def _through(self, phase: Phase, items: list[Item]) -> list[Item]:
        going: list[Item] = []
        for item in items:
            try:
                found = phase(item)
            except Exception as error:
                self._failed(item, error)
            else:
                if found is not None:
                    going.append(found)
        return going

    def _failed(self, item: Item, error: Exception) -> None:
        try:
            item.failed(error)
        except Exception as another:  # the others of the turn have no part in it
            self._loop.call_exception_handler({"message": "a request could not be ended", "exception": another})
