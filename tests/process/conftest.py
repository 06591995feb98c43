"""A reloader, with its log in a file of the test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.reloading import Given


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Given]:
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    made = Given(tmp_path, fd)
    yield made
    made.sink.close()
    os.close(fd)
