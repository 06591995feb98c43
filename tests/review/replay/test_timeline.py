"""Requests in the order in which they came."""

from __future__ import annotations

import pytest

from gateway.review.replay.recorded import Event, Unreadable
from gateway.review.replay.timeline import AHEAD, BEHIND, LATE, MOST_WAITING, Entry, Timeline
from tests.review.replay.log_lines import of


def at(end: float, took: float = 0.0) -> Entry:
    entry = of(duration_ms=took * 1000)
    entry.end, entry.start = end, end - took
    return entry


def came(entries: list[Entry]) -> list[float]:
    timeline = Timeline()
    found = [one for entry in entries for one in timeline.add(entry)]
    return [one.start if not isinstance(one, Event) else one.at for one in [*found, *timeline.rest()]]


def test_who_came_first_is_first_though_it_ended_last() -> None:
    assert came([at(1000.0), at(1001.0), at(1002.0, took=5)]) == [997.0, 1000.0, 1001.0]


def test_those_of_one_millisecond_are_in_the_order_of_their_lines() -> None:
    assert came([at(1000.0), at(1000.5, took=0.0), at(1000.5, took=0.0009), at(1000.5, took=0.1)]) == [
        1000.0,
        1000.4,
        1000.5,
        1000.5,
    ]


def test_events_are_among_them() -> None:
    assert came([at(1000.0), Event("started", 1000.5), at(1001.0)]) == [1000.0, 1000.5, 1001.0]


def test_one_that_lasts_too_long_comes_late_and_is_counted() -> None:
    timeline = Timeline()
    entries = [at(1000.0), at(1000.0 + 2 * LATE), at(1000.0 + 4 * LATE), at(1000.0 + 4 * LATE, took=3 * LATE)]
    found = [one for entry in entries for one in timeline.add(entry)] + list(timeline.rest())
    assert (len(found), timeline.late) == (4, 1)


def test_an_old_line_is_none_of_this_log() -> None:
    timeline = Timeline()
    for moment in (1000.0, 1001.0):
        timeline.add(at(moment))
    with pytest.raises(Unreadable, match="older"):
        timeline.add(at(1000.0 - BEHIND - 1))
    timeline.add(at(1000.0 - BEHIND + 5))


def test_one_line_from_the_future_does_not_spoil_the_rest() -> None:
    timeline = Timeline()
    entries = [at(1000.0), at(1001.0), at(9e9), at(1002.0)]
    found = [one for entry in entries for one in timeline.add(entry)] + list(timeline.rest())
    assert ([one.end for one in found if not isinstance(one, Event)], timeline.misplaced) == (
        [1000.0, 1001.0, 1002.0],
        1,
    )


def test_nor_does_one_at_the_beginning() -> None:
    assert came([at(9e9), at(1000.0), at(1001.0)]) == [1000.0, 1001.0]


def test_a_night_without_requests_is_no_forgery() -> None:
    moments = [1000.0 + night * (AHEAD + 1) for night in range(4)]
    assert came([at(moment) for moment in moments]) == moments


def test_no_more_wait_than_there_is_room_for() -> None:
    timeline = Timeline()
    one = at(1000.0)
    timeline.add(one)
    due = sum(len(timeline.add(one)) for _ in range(MOST_WAITING + 100))
    assert due >= 100
