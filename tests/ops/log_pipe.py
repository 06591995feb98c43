"""A pipe that sinks write to, and what makes them."""

from __future__ import annotations

import os
from collections.abc import Callable

from gateway.ops.sink import Sink

LONG = 30.0  # seconds: the thread of a sink may have to wait for a processor


class Pipe:
    """A pipe whose reader can hang up."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self._open = True

    def hang_up(self) -> None:
        if self._open:
            os.close(self.reader)
            self._open = False


Maker = Callable[..., Sink]
"""Makes sinks, for the pipe unless a descriptor is given: ``make_sink(fd=None, lock=None, delay=0.001, backlog=10_000)``."""
