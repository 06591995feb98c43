"""When silence is silence: looks are counted, so no test here waits for anything."""

import asyncio
from pathlib import Path

import pytest

from gateway.state.redis.watchdog import LOOKS, MOST, ReplyWatchdog, crowded


class Round:
    """A round trip, and whether it was given up."""

    def __init__(self, patience: ReplyWatchdog) -> None:
        self.given_up = 0
        self.wait = patience.begin(self._give_up)

    def _give_up(self) -> None:
        self.given_up += 1


@pytest.fixture
async def patience() -> ReplyWatchdog:
    """One whose timer never comes by itself."""
    return ReplyWatchdog(1e6, lambda: False)


def look(patience: ReplyWatchdog, times: int) -> None:
    for _ in range(times):
        patience.look()


async def test_silence_is_borne_for_so_many_looks_and_told_once(patience: ReplyWatchdog) -> None:
    waiting = Round(patience)
    look(patience, LOOKS - 1)
    assert waiting.given_up == 0
    look(patience, 1)
    assert waiting.given_up == 1
    look(patience, MOST)
    assert waiting.given_up == 1
    patience.close()


async def test_an_answer_to_somebody_is_a_sign_of_life_for_all_but_not_for_ever(patience: ReplyWatchdog) -> None:
    slow, looks = Round(patience), 0
    while not slow.given_up:
        other = Round(patience)
        look(patience, LOOKS - 1)
        looks += LOOKS - 1
        patience.end(other.wait, answered=True)
        assert looks < 2 * MOST
    assert looks >= MOST
    assert other.given_up == 0
    patience.close()


async def test_a_failure_is_no_sign_of_life(patience: ReplyWatchdog) -> None:
    slow, other = Round(patience), Round(patience)
    look(patience, LOOKS - 1)
    patience.end(other.wait, answered=False)
    look(patience, 1)
    assert slow.given_up == 1
    patience.close()


async def test_a_machine_without_room_is_an_excuse_but_not_for_ever() -> None:
    patience = ReplyWatchdog(1e6, lambda: True)
    slow = Round(patience)
    look(patience, MOST - 1)
    assert slow.given_up == 0
    look(patience, 1)
    assert slow.given_up == 1
    patience.close()


async def test_a_loop_that_was_held_up_looks_once_and_not_for_all_it_missed() -> None:
    patience = ReplyWatchdog(LOOKS * 1e-6, lambda: False)  # due in no time
    waiting = Round(patience)
    for turn in range(LOOKS - 1):
        # A turn of the loop in which a thousand looks would have been due.
        await asyncio.sleep(0)
        assert waiting.wait.looks <= turn + 1
    assert waiting.given_up == 0
    patience.end(waiting.wait, answered=True)
    patience.close()


@pytest.mark.parametrize(
    ("load", "is_crowded"),
    [("9.1 5.0 2.1 9999/12345 77", True), ("9.1 5.0 2.1 1/12345 77", False), ("", False), ("1 2 3 x/y 5", False)],
)
def test_how_many_want_to_run_is_told_by_the_system(load: str, is_crowded: bool, tmp_path: Path) -> None:
    (tmp_path / "loadavg").write_text(load)
    assert crowded(tmp_path / "loadavg") is is_crowded
    assert crowded(tmp_path / "missing") is False
