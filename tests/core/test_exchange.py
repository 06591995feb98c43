"""The record of a request, and its copy for a second call."""

from __future__ import annotations

from gateway.core.exchange import Exchange
from gateway.core.failure import CallFailure


def test_a_second_call_begins_without_anything_of_the_first() -> None:
    first = Exchange("GET", "/a", {b"host": b"a"}, "192.0.2.1", 1.0)
    first.id, first.slot, first.reason, first.failure = "request-1", 7, "upstream_timeout", CallFailure.TIMEOUT
    first.status, first.endpoint, first.sent, first.upstream_time = 504, "127.0.0.1:1", 2.0, 3.0
    second = first.for_second_call()
    fresh = Exchange("GET", "/a", {b"host": b"a"}, "192.0.2.1", 1.0)
    about_a_call = ("slot", "reason", "failure", "status", "endpoint", "sent", "upstream_time")
    assert [getattr(second, name) for name in about_a_call] == [getattr(fresh, name) for name in about_a_call]
    assert (second.id, second.fields, second.started) == ("request-1", first.fields, 1.0)


def test_what_the_second_call_finds_does_not_touch_the_first() -> None:
    first = Exchange("GET", "/a", {}, "192.0.2.1", 1.0)
    first.slot = 7
    second = first.for_second_call()
    second.slot, second.reason, second.status = 8, "upstream_broken", 502
    assert (first.slot, first.reason, first.status) == (7, "", 0)
