"""Whether a circuit is known to be closed when of some calls nothing is known."""

from __future__ import annotations

from gateway.policy.breaker.breaker import Settings
from gateway.review.replay.doubt import Doubt


def doubt(**more: object) -> Doubt:
    return Doubt(Settings.model_validate({"failures": 3, "recover_after": 30.0, **more}))


def test_a_few_unknown_calls_open_no_circuit() -> None:
    one = doubt()
    for _ in range(5):
        one.unknown(0.0)
        one.unknown(0.0)
        assert not one.open
        one.succeeded(0.0)


def test_as_many_as_open_it_leave_it_in_doubt_until_calls_go_well_that_would_have_closed_it() -> None:
    one = doubt()
    one.failed(0.0)
    one.unknown(1.0)
    assert not one.open
    one.failed(2.0)
    assert one.open
    one.succeeded(10.0)
    assert one.open, "it may be open still, and not have seen this call"
    one.failed(20.0)
    one.succeeded(45.0)
    assert one.open
    one.succeeded(51.0)
    assert not one.open


def test_failures_that_are_known_leave_no_doubt() -> None:
    one = doubt()
    for _ in range(9):
        one.failed(0.0)
    assert not one.open


def test_a_share_of_failures_is_in_doubt_at_once_and_for_its_window() -> None:
    one = doubt(ratio=0.5, window=60.0)
    one.unknown(0.0)
    assert one.open
    one.succeeded(89.0)
    assert one.open
    one.succeeded(91.0)
    assert not one.open
