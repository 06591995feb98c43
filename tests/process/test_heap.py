"""Memory that a burst has needed is given back, although something small above it stays."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.process.heap import trimmer

PIECE = 64 * 1024  # bytes: small enough for the heap
PIECES = 400


def own() -> int:
    """KiB of this process's own."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def test_holes_in_the_heap_are_given_back() -> None:
    give_back = trimmer()
    give_back()
    pieces, pins = [], []
    for number in range(PIECES):
        pieces.append(b"x" * PIECE)
        pins.append(b"%d" % number + b"y" * 600)  # more than the interpreter's own allocator takes
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
