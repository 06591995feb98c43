"""Endpoints that fail their calls are left out for a while: never too many, longer each time, back by one call."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.upstream_settings import EjectionSettings as Settings
from gateway.core.failure import CallFailure
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.outlier import OutlierEjection


class Place:
    def __init__(self, count: int, **settings: Any) -> None:
        self.now = 100.0
        self.changes = 0
        self.events: list[tuple[str, dict[str, object]]] = []
        self.endpoints = [Endpoint("127.0.0.1", port, None) for port in range(1, count + 1)]
        for endpoint in self.endpoints:
            endpoint.clock = lambda: self.now
        chosen = {"failures": 3, "eject_for": 10, "max_eject_for": 35, **settings}
        self.ejection = OutlierEjection(
            Settings.model_validate(chosen),
            self.endpoints,
            lambda: self.now,
            self._changed,
            lambda name, **fields: self.events.append((name, fields)),
        )

    def _changed(self) -> None:
        self.changes += 1

    def record(self, index: int, *outcomes: CallFailure | int) -> bool:
        """Whether the last of them ejected the endpoint."""
        ejected = False
        for outcome in outcomes:
            if outcome is CallFailure.CONNECT:
                self.endpoints[index].failures += 1  # as the pool does
            ejected = self.ejection.record(self.endpoints[index], outcome)
        return ejected


def test_failures_in_a_row_eject_and_a_good_answer_ends_the_row():
    place = Place(2)
    assert not place.record(0, CallFailure.RESET, CallFailure.TIMEOUT, 200, CallFailure.BROKEN, 503)
    assert place.record(0, CallFailure.CONNECT)
    assert (place.endpoints[0].ejected_for, place.endpoints[0].healthy) == (10, False)
    assert place.changes == 1
    assert place.events == [("endpoint_ejected", {"endpoint": "127.0.0.1:1", "failures": 3, "for_s": 10.0})]


def test_what_clients_cause_and_the_gateways_own_limits_do_not_count():
    place = Place(2)
    assert not place.record(0, *[404, 500, 429, 400, CallFailure.BUSY] * 5)
    assert not place.record(0, CallFailure.RESET, CallFailure.RESET, CallFailure.BUSY, CallFailure.BUSY)
    assert place.record(0, CallFailure.RESET), "a full pool neither counts nor ends the row"


def test_an_ejection_is_longer_each_time_up_to_the_longest_and_begins_anew_after_good_times():
    place = Place(2)
    place.record(0, *[CallFailure.RESET] * 3)
    for span in (20, 35, 35):
        place.now += place.endpoints[0].ejected_for
        assert place.endpoints[0].healthy
        assert place.record(0, CallFailure.RESET), "one that comes back is out again with its first failure"
        assert place.endpoints[0].ejected_for == span
    place.now += 35
    place.record(0, 200)
    assert place.events[-1] == ("endpoint_back", {"endpoint": "127.0.0.1:1"})
    place.now += 36
    assert not place.record(0, CallFailure.RESET)
    assert place.record(0, CallFailure.RESET, CallFailure.RESET)
    assert place.endpoints[0].ejected_for == 10


def test_calls_from_before_an_ejection_change_nothing():
    place = Place(2)
    place.record(0, *[CallFailure.RESET] * 3)
    assert not place.record(0, *[CallFailure.RESET] * 9, 200)
    assert place.endpoints[0].ejected_for == 10
    assert place.endpoints[0].on_probation
    assert len(place.events) == 1


def test_unhealthy_ones_count_as_out():
    place = Place(4)
    place.endpoints[0].checked_healthy = place.endpoints[1].checked_healthy = False
    assert not place.record(2, *[CallFailure.RESET] * 9)
    place.endpoints[1].checked_healthy = True
    assert place.record(2, CallFailure.RESET), "the failures were not forgotten"


@settings(deadline=None)
@given(
    st.integers(1, 8),
    st.floats(0, 1),
    st.lists(
        st.tuples(st.integers(0, 7), st.sampled_from([CallFailure.RESET, CallFailure.RESET, 200, CallFailure.CONNECT]))
        | st.floats(0, 20)
    ),
)
def test_never_more_are_out_than_most(count, most, steps):
    place = Place(count, failures=1, most=most)
    for step in steps:
        if isinstance(step, float):
            place.now += step
            continue
        place.record(step[0] % count, step[1])
        assert sum(not each.healthy for each in place.endpoints) <= most * count + 1e-6
