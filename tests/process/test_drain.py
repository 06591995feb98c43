"""What workers are ordered to do at the end of a run."""

from __future__ import annotations

from gateway.process.channel import Drain
from gateway.process.drain import CLOSING, order_announced, order_now


def test_after_an_announcement_kept_connections_have_a_part_of_the_time_for_one_more_request() -> None:
    assert order_announced(20.0) == Drain(20.0, 5.0, CLOSING)
    assert order_announced(0.4) == Drain(0.4, 0.1, CLOSING)


def test_where_somebody_waits_they_have_little_and_requests_as_much() -> None:
    assert order_now(20.0, CLOSING) == Drain(20.0, 0.25, CLOSING, streams=0.25)
    assert order_now(0.4, 0.0) == Drain(0.4, 0.1, 0.0, streams=0.1), "others have the sockets"
