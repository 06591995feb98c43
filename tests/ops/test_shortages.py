"""Which shortages last, and how often there is an event about one."""

from __future__ import annotations

from gateway.core.shortage import Shortage
from gateway.ops.shortages import LASTS, QUIET, Shortages


class Moved:
    """Shortages by a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.shortages = Shortages(lambda: self.now, lambda: self.now)

    def note(self, kind: Shortage = Shortage.DESCRIPTORS) -> int:
        return self.shortages.note(kind, f"at {self.now:g}")


def test_one_event_a_kind_in_a_while_that_says_how_often() -> None:
    moved = Moved()
    assert [moved.note() for _ in range(1000)] == [1] + [0] * 999
    assert moved.note(Shortage.PORTS) == 1
    moved.now += QUIET
    assert moved.note() == 1, "that one began anew: it was over"
    for _ in range(int(QUIET)):
        moved.now += 1.0
        times = moved.note()
    assert times == 10
    events = 0
    for _ in range(1000):
        moved.now += 0.1
        events += moved.note() > 0
    assert events <= 1000 * 0.1 / QUIET + 1


def test_it_lasts_for_some_seconds_after_it_was_met_last() -> None:
    moved = Moved()
    assert moved.shortages.lasting() == []
    moved.note()
    moved.now += 5.0
    moved.note()
    moved.now += LASTS - 0.1
    assert moved.shortages.lasting() == [
        {"kind": "descriptors", "where": "at 105", "since": "1970-01-01T00:01:40Z", "times": 2}
    ]
    moved.now += 0.1
    assert moved.shortages.lasting() == []
    moved.note()
    assert moved.shortages.lasting()[0]["times"] == 1
