"""The wall clock that does not run backwards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.rules.monotonic import STEP, MonotonicWallClock, boot_clock

NOON = 1_767_268_800.0


def test_it_goes_with_the_wall_clock() -> None:
    clock = MonotonicWallClock().advanced(NOON).advanced(NOON + 5)
    assert clock == (NOON + 5, 0.0)


def test_clocks_a_little_apart_are_no_step() -> None:
    clock = MonotonicWallClock().advanced(NOON)
    assert clock.advanced(NOON - STEP) is clock


def test_a_step_back_is_made_up_for_and_time_goes_on_at_its_pace() -> None:
    clock = MonotonicWallClock().advanced(NOON).advanced(NOON - 3600)
    assert clock == (NOON, 3600.0)
    assert clock.advanced(NOON - 3590) == (NOON + 10, 3600.0)


def test_a_second_step_back_adds_to_the_first() -> None:
    clock = MonotonicWallClock().advanced(NOON).advanced(NOON - 3600).advanced(NOON - 7200)
    assert clock == (NOON, 7200.0)


@given(st.lists(st.floats(-1e5, 1e5)))
def test_it_never_runs_backwards(steps: list[float]) -> None:
    now, clock = NOON, MonotonicWallClock().advanced(NOON)
    for step in steps:
        now += step
        before, clock = clock, clock.advanced(now)
        assert clock.latest >= before.latest
        assert clock.ahead >= before.ahead


def test_the_clock_of_a_boot_goes_by_the_time_since_the_machine_started() -> None:
    first = boot_clock(None, MonotonicWallClock(), b"one", 100.0, NOON)
    assert first.moment(160.0) == NOON + 60
    again = boot_clock(first, MonotonicWallClock(), b"one", 160.0, NOON - 3600)
    assert (again.moment(160.0), again.wall) == (NOON + 60, NOON - 3600)


@given(st.floats(0, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1e5))
def test_over_a_start_of_the_machine_it_never_runs_backwards(off: float, step: float, since: float) -> None:
    first = boot_clock(None, MonotonicWallClock(NOON, 60.0), b"one", 100.0, NOON)
    assert first.moment(100.0) == pytest.approx(NOON + 60), "it takes up the clock that was used before"
    then = boot_clock(first, MonotonicWallClock(), b"two", since, NOON + off + step)
    assert then.moment(since) == pytest.approx(first.latest + max(0.0, off + step), abs=0.01)
    assert then.moment(since) >= first.latest - 0.01
