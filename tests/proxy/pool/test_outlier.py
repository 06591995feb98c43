"""Endpoints that fail their calls are left out for a while: never too many, longer each time, back by one call."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.upstream_settings import EjectionSettings as Settings
from gateway.core.failure import CallFailure
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.outlier import OutlierEjection


class Ejecting:
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
            if isinstance(outcome, CallFailure):
                self.endpoints[index].note_failure(UpstreamError(outcome, "refused"))  # as each attempt does
            ejected = self.ejection.record(self.endpoints[index], outcome)
        return ejected


def test_failures_in_a_row_eject_and_a_good_response_ends_the_row():
    watched = Ejecting(2)
    assert not watched.record(0, CallFailure.RESET, CallFailure.TIMEOUT, 200, CallFailure.BROKEN, 503)
    assert watched.record(0, CallFailure.CONNECT)
    assert (watched.endpoints[0].ejected_for, watched.endpoints[0].healthy) == (10, False)
    assert watched.changes == 1
    why = {"failure": "connect", "error": "refused", "address": "127.0.0.1:1"}
    assert watched.events == [("endpoint_ejected", {"endpoint": "127.0.0.1:1", "failures": 3, "for_s": 10.0, **why})]


def test_a_status_that_ejects_is_named():
    watched = Ejecting(2)
    assert watched.record(0, 503, 503, 502)
    assert watched.events[0][1] == {
        "endpoint": "127.0.0.1:1",
        "failures": 3,
        "for_s": 10.0,
        "failure": "status",
        "status": 502,
        "error": "status 502",
        "address": "127.0.0.1:1",
    }


def test_what_clients_cause_and_the_gateways_own_limits_do_not_count():
    watched = Ejecting(2)
    assert not watched.record(0, *[404, 500, 429, 400, CallFailure.BUSY] * 5)
    assert not watched.record(0, CallFailure.RESET, CallFailure.RESET, CallFailure.BUSY, CallFailure.BUSY)
    assert watched.record(0, CallFailure.RESET), "a full pool neither counts nor ends the row"


def test_an_ejection_is_longer_each_time_up_to_the_longest_and_begins_anew_after_good_times():
    watched = Ejecting(2)
    watched.record(0, *[CallFailure.RESET] * 3)
    for span in (20, 35, 35):
        watched.now += watched.endpoints[0].ejected_for
        assert watched.endpoints[0].healthy
        assert watched.record(0, CallFailure.RESET), "one that comes back is out again with its first failure"
        assert watched.endpoints[0].ejected_for == span
    watched.now += 35
    watched.record(0, 200)
    assert watched.events[-1] == ("endpoint_back", {"endpoint": "127.0.0.1:1"})
    watched.now += 36
    assert not watched.record(0, CallFailure.RESET)
    assert watched.record(0, CallFailure.RESET, CallFailure.RESET)
    assert watched.endpoints[0].ejected_for == 10


def test_calls_from_before_an_ejection_change_nothing():
    watched = Ejecting(2)
    watched.record(0, *[CallFailure.RESET] * 3)
    assert not watched.record(0, *[CallFailure.RESET] * 9, 200)
    assert watched.endpoints[0].ejected_for == 10
    assert watched.endpoints[0].on_probation
    assert len(watched.events) == 1


def test_unhealthy_ones_count_as_out():
    watched = Ejecting(4)
    watched.endpoints[0].checked_healthy = watched.endpoints[1].checked_healthy = False
    assert not watched.record(2, *[CallFailure.RESET] * 9)
    watched.endpoints[1].checked_healthy = True
    assert watched.record(2, CallFailure.RESET), "the failures were not forgotten"


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
    watched = Ejecting(count, failures=1, most=most)
    for step in steps:
        if isinstance(step, float):
            watched.now += step
            continue
        watched.record(step[0] % count, step[1])
        assert sum(not each.healthy for each in watched.endpoints) <= most * count + 1e-6
