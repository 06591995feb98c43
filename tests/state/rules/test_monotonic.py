"""The wall clock that does not run backwards."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.state.rules.monotonic import STEP, MonotonicWallClock

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
