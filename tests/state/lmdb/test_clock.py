"""The clock of the file: whatever the wall clock does, a lock holds for its time, over workers, restarts and boots."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import lmdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.state.lmdb import clock as clocks
from gateway.state.lmdb import file as files
from gateway.state.lmdb.clock import FileClock
from gateway.state.lmdb.store import LmdbStore
from tests.state.attempts import account, guess

NOON = 1_767_268_800.0
SIZE = 1 << 18
LOCK = 600.0


class Machine:
    """Its true time, its wall clock, and the time since it started; each is moved by hand."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.true = 0.0
        self.step = NOON
        self.boot = 1
        self.since = 100.0
        self._directory = directory
        monkeypatch.setattr(files.time, "time", lambda: self.wall)

    @property
    def wall(self) -> float:
        return self.true + self.step

    def passes(self, seconds: float) -> None:
        self.true += seconds
        self.since += seconds

    def restarts(self, off: float) -> None:
        self.true += off
        self.boot += 1
        self.since = 5.0

    def store(self) -> LmdbStore:
        return LmdbStore(self._directory, b"key", SIZE, clock=FileClock(lambda: self.since, f"boot {self.boot}"))


moves = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.floats(-1e6, 1e6)),
        st.tuples(st.just("pass"), st.floats(0.0, 400.0)),
        st.tuples(st.just("restart"), st.just(0.0)),
        st.tuples(st.sampled_from(("fail", "break", "remove", "memory")), st.just(0.0)),
    ),
    max_size=12,
)


@settings(max_examples=30)
@given(moves)
@example([("restart", 0.0), ("pass", 200.0), ("pass", 400.0), ("step", 0.0), ("fail", 0.0)])
def test_a_lock_holds_for_its_time_whatever_the_wall_clock_does(many: list[tuple[str, float]]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        machine = Machine(Path(folder), patch)
        store = machine.store()
        assert guess(store, machine.wall, account(failures=1, lock_for=(LOCK,)))
        until = machine.true + LOCK
        for verb, amount in [*many, ("pass", LOCK)]:
            if verb == "step":
                machine.step += amount
            elif verb == "pass":
                machine.passes(amount)
            elif verb == "fail":
                assert store.file.fails(lmdb.CorruptedError("found while it was used"))
                assert store.check().why == ""
            elif verb == "break":
                store.close()
                os.truncate(Path(folder) / "data.mdb", SIZE - 1)
                store = machine.store()
            elif verb == "remove":
                (Path(folder) / "data.mdb").unlink()
                store.check()
                assert store.check().why == ""
            elif verb == "memory":
                store.file._leave("a test", store.file._opened.few())
            else:
                store.close()
                store = machine.store()
            store.sweep(machine.wall, 100)
            (reserved,) = store.reserve([account(failures=1, lock_for=(LOCK,))], machine.wall)
            assert reserved.ok is (machine.true >= until), (machine.true, until)
            if reserved.ok:
                store.settle([account(failures=1)], None, machine.wall)
            else:
                assert reserved.locked_until - machine.wall == pytest.approx(until - machine.true, abs=0.01)
        store.close()


def test_a_clock_set_back_and_then_corrected_lifts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path, monkeypatch)
    one = machine.store()
    assert guess(one, machine.wall, account(failures=1, lock_for=(LOCK,)))
    machine.step -= 3600
    one.sweep(machine.wall, 100)
    machine.passes(1)
    machine.step += 3600
    assert not guess(one, machine.wall, account(failures=1))
    machine.passes(LOCK - 1)
    assert guess(one, machine.wall, account(failures=1))
    one.close()


@pytest.mark.parametrize(
    ("off", "step", "holds"), [(300, 0, True), (599, 0, True), (601, 0, False), (900, -3600, True)]
)
def test_over_a_start_of_the_machine_the_wall_clock_says_how_long_it_was_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off: float, step: float, holds: bool
) -> None:
    machine = Machine(tmp_path, monkeypatch)
    store = machine.store()
    assert guess(store, machine.wall, account(failures=1, lock_for=(LOCK,)))
    store.close()
    machine.restarts(off)
    machine.step += step
    store = machine.store()
    assert guess(store, machine.wall, account(failures=1)) is not holds
    machine.passes(LOCK)
    assert guess(store, machine.wall, account(failures=1)), "but never for longer than its time from then on"
    store.close()


def test_a_clock_that_was_set_back_before_the_machine_restarts_makes_no_lock_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path, monkeypatch)
    store = machine.store()
    assert guess(store, machine.wall, account(failures=1, lock_for=(2 * 3600.0,)))
    machine.passes(3600)
    store.sweep(machine.wall, 100)  # which writes the clock down
    machine.step -= 3600
    store.close()
    machine.restarts(5)
    store = machine.store()
    machine.passes(3000)
    assert not guess(store, machine.wall, account(failures=1))
    machine.passes(700)
    assert guess(store, machine.wall, account(failures=1))
    store.close()


def test_a_file_without_this_clock_goes_on_with_the_one_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path, monkeypatch)
    store = LmdbStore(tmp_path, b"key", SIZE)
    assert guess(store, machine.wall + 7200, account(failures=1, lock_for=(LOCK,)))
    assert not guess(store, machine.wall, account(failures=1)), "the wall clock was set back by two hours"
    store.close()
    store = machine.store()
    assert not guess(store, machine.wall, account(failures=1))
    machine.passes(LOCK + 1)
    assert guess(store, machine.wall, account(failures=1))
    store.close()


def test_where_nothing_is_counted_moments_are_what_they_are() -> None:
    assert FileClock(None).steady(NOON) == NOON
    assert clocks.since_boot is None or clocks.since_boot() >= time.monotonic() - 1
