"""Requests that have come and are not over."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from gateway.core.exchange import Exchange
from gateway.review.replay.recorded import RecordedRequest
from gateway.review.replay.under_way import UnderWay, came_of_it
from tests.review.replay.configs import config
from tests.review.replay.log_lines import of


def ending(at: float, **more: object) -> RecordedRequest:
    line = of(**more)
    line.end, line.called = at, "tutor"
    return line


def test_each_ends_when_its_line_was_written_and_not_before(tmp_path: Path) -> None:
    now: list[float] = [100.0]
    over: list[float] = []

    def note(at: float, _: Exchange) -> None:
        over.append(at)

    calls = UnderWay(config(tmp_path), lambda: now[0])
    for at in (103.0, 101.0, 102.0):
        calls.hold(ending(at), Exchange("GET", "/", {}, "", 0.0), "tutor", [partial(note, at)])
    calls.hold(ending(104.0), Exchange("GET", "/", {}, "", 0.0), "", [lambda _: over.append(0.0)])
    assert over == [0.0], "what is refused is over at once"
    ends = []
    for end in calls.due(102.5):
        ends.append(end)
        calls.end_first()
    assert (ends, over) == ([101.0, 102.0], [0.0, 101.0, 102.0])


def test_what_came_of_a_call_is_noted_for_the_upstream_that_was_called(tmp_path: Path) -> None:
    calls = UnderWay(config(tmp_path), lambda: 100.0)
    failed = ending(99.0, upstream="127.0.0.1:1", upstream_ms=2000.0, reason="upstream_timeout", status=504)
    one, other = (Exchange("GET", "/", {}, "", 0.0) for _ in range(2))
    calls.hold(failed, one, "tutor", [])
    calls.hold(failed, other, "another", [])
    assert came_of_it(failed) and not came_of_it(of(reason="token_missing", status=401))
    assert (one.status, one.reason, one.upstream_time, one.failure and one.failure.slug) == (
        504,
        "upstream_timeout",
        2.0,
        "upstream_timeout",
    )
    assert (other.status, other.reason) == (0, "")


def test_each_worker_counts_for_itself(tmp_path: Path) -> None:
    calls = UnderWay(config(tmp_path), lambda: 100.0)
    assert calls.in_flight(1) is calls.in_flight(1) is not calls.in_flight(2)
