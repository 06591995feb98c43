"""A reloader with its log in a file of the test, and workers in this process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.config.model import Config
from gateway.process.channel import Drain
from tests.eventually import eventually
from tests.process.reloading import Given
from tests.process.running_worker import Running, Serve


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Given]:
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    made = Given(tmp_path, fd)
    yield made
    made.sink.close()
    os.close(fd)


@pytest.fixture
def collector() -> Iterator[None]:
    """What a worker tells the garbage collector is for its process, which this is not."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.fixture
def serve(collector: None) -> Serve:
    @contextlib.asynccontextmanager
    async def serving(config: Config, egress: bool = False) -> AsyncIterator[Running]:
        running = Running(config, egress)
        task = asyncio.create_task(running.worker.serve())
        await eventually(lambda: running.reports or task.done())
        try:
            yield running
        finally:
            running.worker.drain(Drain(5.0, 0.0, 0.0))
            async with asyncio.timeout(10):
                await task
            running.sink.close()
            assert running.worker.server.connections == 0

    return serving
