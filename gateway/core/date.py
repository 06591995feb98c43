"""The field Date (RFC 9110 6.6.1), of responses that originate here and of those that came without one."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate

from gateway.core.fields import Pair


class Date:
    """The field, made anew once a second. ``wall`` gives Unix seconds; ``clock`` gives seconds and never goes back."""

    __slots__ = ("_field", "_second", "_wall", "clock")

    def __init__(self, wall: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self.clock = clock
        self._second = 0
        self._field = (b"date", b"")

    def field(self) -> Pair:
        """The field for this moment."""
        second = int(self._wall())
        if second != self._second:
            self._second, self._field = second, (b"date", formatdate(second, usegmt=True).encode())
        return self._field

    def until(self) -> float:
        """The moment of ``clock`` at which the next second begins, by which the field is another."""
        return self.clock() + 1.0 - self._wall() % 1.0


DATE = Date()
