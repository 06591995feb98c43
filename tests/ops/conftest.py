"""A pipe for the log, and sinks that write to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ops.sink import Sink
from tests.ops.log_pipe import LONG, Maker, Pipe


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.hang_up()
    os.close(made.writer)


@pytest.fixture
def make_sink(pipe: Pipe) -> Iterator[Maker]:
    """Makes sinks, for the pipe unless a descriptor is given. Their threads end before the pipe is closed: one that lived
    on would write to whatever gets the number of its descriptor next."""
    made: list[Sink] = []

    def make(fd: int | None = None, lock: Path | None = None, delay: float = 0.001, backlog: int = 10_000) -> Sink:
        made.append(Sink(pipe.writer if fd is None else fd, lock, delay, backlog))
        return made[-1]

    yield make
    pipe.hang_up()
    for sink in made:
        sink.close(LONG)
        assert sink._thread is None or not sink._thread.is_alive()
