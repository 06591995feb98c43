"""Memory that a burst has needed is given back, although something small above it stays."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from pathlib import Path

import pytest

from gateway.process.heap import YOUNG, own_memory, settle, tidier, trimmer

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


def test_its_own_memory_is_known() -> None:
    assert own_memory() == pytest.approx(own() * 1024, rel=0.1)
    before = own_memory()
    # of the system and not of the heap, where pages that something else has given back would do
    with mmap(-1, PIECES * PIECE, MAP_PRIVATE | MAP_ANONYMOUS) as piece:
        piece.write(b"x" * len(piece))
        assert own_memory() - before > 0.9 * len(piece)


def test_a_c_library_that_cannot_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Musl:
        """What ctypes.CDLL gives there: no such name."""

    monkeypatch.setattr("ctypes.CDLL", lambda name: Musl())
    trimmer()()


@pytest.fixture
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


class Knot:
    """Holds itself, so that only the collector finds it."""

    def __init__(self) -> None:
        self.itself = self


def test_no_collection_by_itself_looks_at_more_than_the_youngest(collector: None) -> None:
    settle()
    collected: list[tuple[int, int]] = []

    def on_collection(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            young = sum(len(gc.get_objects(generation)) for generation in range(info["generation"] + 1))
            collected.append((info["generation"], young))

    gc.callbacks.append(on_collection)
    kept = [[number] for number in range(20_000)]
    gc.callbacks.remove(on_collection)
    assert len(kept) == 20_000
    assert {generation for generation, _ in collected} == {0, 1}, "never through all of them"
    assert max(looked_at for _, looked_at in collected) < 3 * (YOUNG[0] + 50) * (YOUNG[1] + 1)


def test_what_was_left_is_collected_when_there_is_time(collector: None) -> None:
    settle()
    knots = [Knot() for _ in range(2_000)]  # old by now
    knots.clear()
    slices = tidier()()
    next(slices)
    assert [found for found in gc.get_objects() if isinstance(found, Knot)] == []
    assert list(slices) == []
