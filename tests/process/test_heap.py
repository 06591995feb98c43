"""What a burst has needed is given back, although something small above it stays."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from gateway.process import worker
from gateway.process.heap import trimmer

PIECE = 64 * 1024  # bytes: small enough for the heap
PIECES = 400
ROUNDS = 3


def own() -> int:
    """KiB of this process's own."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def test_holes_in_the_heap_are_given_back() -> None:
    give_back = trimmer()
    give_back()
    pieces, pins = [], []
    for place in range(PIECES):
        pieces.append(b"x" * PIECE)
        pins.append(b"%d" % place + b"y" * 600)  # more than the interpreter's own allocator takes
    full = own()
    pieces.clear()
    give_back()
    assert full - own() > PIECES * PIECE // 1024 * 0.7
    assert len(pins) == PIECES


def test_a_c_library_that_cannot_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Musl:
        """What ctypes.CDLL gives there: no such name."""

    monkeypatch.setattr("ctypes.CDLL", lambda name: Musl())
    trimmer()()


class Ticking(worker.Worker):
    """A worker's clock alone. Ends itself after some rounds."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._trim = lambda: self.seen.append("trim")

    def _figures(self) -> None:
        if self.seen.count("trim") == ROUNDS:
            raise asyncio.CancelledError
        self.seen.append("figures")

    def _look(self) -> None: ...

    def report(self) -> None:
        self.seen.append("report")


async def test_a_worker_does_so_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert worker.TICK * worker.TRIM == 10
    monkeypatch.setattr(worker, "TICK", 0)
    ticking = Ticking()
    with pytest.raises(asyncio.CancelledError):
        await ticking._tick()
    assert ticking.seen.count("figures") == ROUNDS * worker.TRIM
    assert ticking.seen.count("report") == ROUNDS * worker.TRIM // worker.STATUS
    assert ticking.seen.index("trim") > worker.TRIM
