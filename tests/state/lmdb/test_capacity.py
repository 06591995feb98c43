"""The room in the file: what has expired makes place, and a full file takes no new keys."""

import os
from pathlib import Path

import pytest

from gateway.state.lmdb import capacity
from gateway.state.lmdb.store import LmdbStore
from gateway.state.rules.gcra import Take
from tests.state.lmdb.processes import NOON


def test_200_000_strangers_leave_nothing_behind(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, size=1 << 25)
    peaks = []
    for start in (NOON, NOON + 100):
        for _ in range(1000):
            store.take([Take(os.urandom(12), 1, 5, 60.0, 5) for _ in range(100)], start)
        peaks.append(store.stats().used)
        assert store.stats().records == 100_000
        while store.sweep(start + 50, 5000):
            pass
        assert store.stats().records == 0
        assert store.stats().used <= 8192
    assert peaks[1] < peaks[0] * 1.1
    assert store.file.last_page * 4096 < peaks[0] * 1.5  # the second wave found its place in what the first one left
    store.close()


def test_a_store_that_grows_sweeps_itself(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, size=1 << 22)
    for number in range(20_000):
        store.take([Take(b"%d" % number, 1, 5, 60.0, 5)], NOON + number / 100)
    assert store.stats().records < 4000  # of 100 a second, each alive for twelve
    store.close()


def fill(store: LmdbStore, first: int = 0) -> int:
    """New keys until one is refused; how many passed."""
    for number in range(first, 100_000):
        (taken,) = store.take([Take(b"%d" % number, 1, 5, 60.0, 5)], NOON)
        if not taken.ok:
            assert taken.full
            assert taken.retry_after == 1.0
            return number
    raise AssertionError("it never fills")


@pytest.mark.parametrize("room", [0.85, 100.0], ids=["by rule", "to the last page"])
def test_a_full_store_keeps_what_it_knows_and_refuses_strangers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: float
) -> None:
    monkeypatch.setattr(capacity, "_USABLE", room)
    monkeypatch.setattr(capacity, "_SPARE", capacity._SPARE if room < 1 else -(1 << 30))
    store = LmdbStore(tmp_path, b"the same pages are full each time", 1 << 18)
    known = fill(store)
    assert known > 1000
    assert store.stats().refused_full == 1
    if room < 1:
        assert store.take([Take(b"0", 1, 5, 60.0, 5)], NOON)[0].remaining == 3
        both = store.take([Take(b"0", 1, 5, 60.0, 5), Take(b"a stranger", 1, 5, 60.0, 5)], NOON)
        assert [taken.full for taken in both] == [True, True]
        assert store.stats().refused_full == 2
    for second in range(30, 90, 10):
        store.take([Take(b"later", 1, 5, 60.0, 5)], NOON + second)
        store.sweep(NOON + second, 10_000)
    assert store.take([Take(b"another stranger", 1, 5, 60.0, 5)], NOON + 90)[0].ok
    store.close()
