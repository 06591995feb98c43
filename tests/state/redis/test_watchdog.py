"""When silence is silence: checks are counted, so no test here waits for anything."""

import asyncio
from pathlib import Path

import pytest

from gateway.state.redis.watchdog import CHECKS, MOST, ReplyWatchdog, crowded


class Round:
    """A round trip, and whether it was given up."""

    def __init__(self, watchdog: ReplyWatchdog) -> None:
        self.given_up = 0
        self.wait = watchdog.begin(self._give_up)

    def _give_up(self) -> None:
        self.given_up += 1


@pytest.fixture
async def watchdog() -> ReplyWatchdog:
    """One whose timer never comes by itself."""
    return ReplyWatchdog(1e6, lambda: False)


def check(watchdog: ReplyWatchdog, times: int) -> None:
    for _ in range(times):
        watchdog.check()


async def test_silence_is_borne_for_so_many_checks_and_reported_once(watchdog: ReplyWatchdog) -> None:
    waiting = Round(watchdog)
    check(watchdog, CHECKS - 1)
    assert waiting.given_up == 0
    check(watchdog, 1)
    assert waiting.given_up == 1
    check(watchdog, MOST)
    assert waiting.given_up == 1
    watchdog.close()


async def test_an_answer_to_somebody_is_a_sign_of_life_for_all_but_not_for_ever(watchdog: ReplyWatchdog) -> None:
    slow, checks = Round(watchdog), 0
    while not slow.given_up:
        other = Round(watchdog)
        check(watchdog, CHECKS - 1)
        checks += CHECKS - 1
        watchdog.end(other.wait, answered=True)
        assert checks < 2 * MOST
    assert checks >= MOST
    assert other.given_up == 0
    watchdog.close()


async def test_a_failure_is_no_sign_of_life(watchdog: ReplyWatchdog) -> None:
    slow, other = Round(watchdog), Round(watchdog)
    check(watchdog, CHECKS - 1)
    watchdog.end(other.wait, answered=False)
    check(watchdog, 1)
    assert slow.given_up == 1
    watchdog.close()


async def test_a_machine_without_room_is_an_excuse_but_not_for_ever() -> None:
    watchdog = ReplyWatchdog(1e6, lambda: True)
    slow = Round(watchdog)
    check(watchdog, MOST - 1)
    assert slow.given_up == 0
    check(watchdog, 1)
    assert slow.given_up == 1
    watchdog.close()


async def test_a_loop_that_was_held_up_checks_once_and_not_for_all_it_missed() -> None:
    watchdog = ReplyWatchdog(CHECKS * 1e-6, lambda: False)  # due in no time
    waiting = Round(watchdog)
    for iteration in range(CHECKS - 1):
        # An iteration of the loop in which a thousand checks would have been due.
        await asyncio.sleep(0)
        assert waiting.wait.checks <= iteration + 1
    assert waiting.given_up == 0
    watchdog.end(waiting.wait, answered=True)
    watchdog.close()


@pytest.mark.parametrize(
    ("load", "is_crowded"),
    [("9.1 5.0 2.1 9999/12345 77", True), ("9.1 5.0 2.1 1/12345 77", False), ("", False), ("1 2 3 x/y 5", False)],
)
def test_how_many_want_to_run_is_read_off_the_system(load: str, is_crowded: bool, tmp_path: Path) -> None:
    (tmp_path / "loadavg").write_text(load)
    assert crowded(tmp_path / "loadavg") is is_crowded
    assert crowded(tmp_path / "missing") is False
