"""What counts against an upstream, and what the client gets while it rests; on a clock moved by hand."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.core.exchange import Call
from gateway.core.failure import CallFailure, Cause
from gateway.core.reason import REASONS
from gateway.policy.breaker.breaker import Settings
from tests.policy.breaker.guarded_upstream import GuardedUpstream

COUNTED = [
    *[(REASONS[failure.slug].status, failure) for failure in CallFailure if failure.word],
    (500, ""),
    (503, ""),
]
NOT_COUNTED = [
    (0, ""),  # the client left before there was an answer
    (400, ""), (401, ""), (404, ""), (413, ""), (429, ""), (501, ""),
    (400, "body_malformed"), (413, "body_too_large"), (408, "body_timeout"), (503, CallFailure.BUSY), (503, "upstream_busy"), (500, "internal_error"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "reason"), COUNTED)
def test_failures_of_the_upstream_open_it(status: int, reason: str | CallFailure) -> None:
    guarded = GuardedUpstream()
    for _ in range(3):
        assert guarded.call(status, reason) is None
    refusal = guarded.call()
    assert (refusal.reason.slug, refusal.reason.status, refusal.retry_after) == ("upstream_resting", 503, 60)


@pytest.mark.parametrize(("status", "reason"), NOT_COUNTED)
def test_failures_of_the_client_or_the_gateway_never_open_it(status: int, reason: str | CallFailure) -> None:
    guarded = GuardedUpstream()
    for _ in range(20):
        assert guarded.call(status, reason) is None
    assert guarded.state == "closed"


@pytest.mark.parametrize(("status", "reason"), [one for one in NOT_COUNTED if one[1] or not one[0]])
def test_calls_that_do_not_count_do_not_interrupt_a_row_of_failures(status: int, reason: str | CallFailure) -> None:
    guarded = GuardedUpstream()
    for _ in range(3):
        guarded.call(503)
        guarded.call(status, reason)
    assert guarded.state == "open"


def test_a_kind_that_is_not_listed_is_not_counted() -> None:
    guarded = GuardedUpstream(count=["connect"])
    for _ in range(20):
        guarded.call(504, CallFailure.TIMEOUT)
        guarded.call(503)
    assert guarded.state == "closed"


def test_a_status_that_a_route_answers_bad_input_with_is_not_counted_there() -> None:
    guarded = GuardedUpstream(ignore={"upload": [503]})

    def call(*routes: str, status: int = 503) -> None:
        exchange, _ = guarded.begin()
        plans = [SimpleNamespace(name=name) for name in routes]
        exchange.route, exchange.status = plans[0], status
        exchange.calls = [Call(plan.name, plan) for plan in plans] if len(plans) > 1 else []
        guarded.stages[0].on_done(exchange)

    for _ in range(20):
        call("upload")
        call("other", "upload")
    assert guarded.state == "closed"
    for _ in range(2):
        call("upload", status=500)
        call("upload")  # says nothing, so it does not end the row either
    call("other", "another")
    assert guarded.state == "open"


def test_slow_answers_count_where_a_time_is_set() -> None:
    patient, hasty = GuardedUpstream(), GuardedUpstream(slow_after="10s")
    for _ in range(3):
        patient.call(took=13.0)
        hasty.call(took=9.9)
    assert (patient.state, hasty.state) == ("closed", "closed")
    for _ in range(3):
        hasty.call(took=10.1)
    assert hasty.state == "open"


def test_one_worker_finds_out_and_all_of_them_know() -> None:
    guarded = GuardedUpstream(workers=4)
    for _ in range(3):
        guarded.call(503, worker=2)
    assert all(guarded.call(worker=worker) is not None for worker in range(4))


def test_it_is_tried_once_and_closes_again() -> None:
    guarded = GuardedUpstream(workers=4)
    for _ in range(3):
        guarded.call(503)
    guarded.now += 59.5
    assert guarded.call().retry_after == 1
    guarded.now += 0.5
    begun = [(*guarded.begin(number % 4), number % 4) for number in range(500)]
    probes = [(exchange, worker) for exchange, refusal, worker in begun if refusal is None]
    assert len(probes) == 1
    exchange, worker = probes[0]
    exchange.status = 200
    guarded.stages[worker].on_done(exchange)
    guarded.stages[worker].on_done(exchange)  # once given back, there is nothing to give back
    assert guarded.state == "closed"
    assert [state for _, _, state, _ in guarded.events] == ["open", "half_open", "closed"]
    assert guarded.events[0] == ("stt", "closed", "open", 3)


def test_a_probe_whose_client_leaves_makes_room_for_the_next() -> None:
    guarded = GuardedUpstream()
    for _ in range(3):
        guarded.call(503)
    guarded.now += 60
    assert guarded.call(0) is None
    assert guarded.state == "half_open"
    assert guarded.call(200) is None
    assert guarded.state == "closed"


def test_with_health_checks_as_tries_no_users_call_is_one() -> None:
    guarded = GuardedUpstream(workers=2, probe="health_check", successes=2)
    one, other = guarded.stages
    assert one.probe() is None, "nothing to find out"
    for _ in range(3):
        assert guarded.call(503) is None
    assert one.probe() is None, "it is left in peace"
    guarded.now += 60
    assert [guarded.call().retry_after for _ in range(5)] == [1] * 5
    turn = one.probe()
    assert turn is not None and other.probe() is None, "one at a time, over all workers"
    one.probed(turn, None)
    for stage in (other, one):
        assert guarded.call() is not None
        turn = stage.probe()
        assert turn is not None
        stage.probed(turn, False)
    assert guarded.state == "closed"
    assert guarded.call() is None
    assert [state for _, _, state, _ in guarded.events] == ["open", "half_open", "closed"]


@pytest.mark.parametrize("probe", ["request", "health_check"])
def test_nobody_tries_a_circuit_that_an_operator_holds_open(probe: str) -> None:
    guarded = GuardedUpstream(probe=probe)
    guarded.store.force(b"stt", "open", guarded.now)
    guarded.now += 3600
    assert guarded.call().retry_after == 60
    assert guarded.stages[0].probe() is None
    guarded.store.force(b"stt", "closed", guarded.now)
    assert guarded.stages[0].probe() is None
    assert guarded.call() is None


def test_a_refused_call_holds_no_slot() -> None:
    guarded = GuardedUpstream()
    for _ in range(3):
        guarded.call(503)
    exchange, refusal = guarded.begin()
    assert refusal is not None and exchange.slot is None
    guarded.stages[0].on_done(exchange)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"recover_after": "2h"}, "must be between 100ms and 1h"),
        ({"count": []}, "at least 1"),
        ({"count": [404]}, "greater than or equal to 500"),
        ({"ratio": 0.5, "min_volume": 1}, "one call is no share"),
        ({"ratio": 1.5}, "less than or equal to 1"),
        ({"ignore": {"upload": [400]}}, "greater than or equal to 500"),
        ({"failures": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Settings.model_validate(more)


@pytest.mark.parametrize(
    ("status", "reason", "took", "failure", "shown"),
    [
        (503, "", 0.1, "status", 503),
        (502, CallFailure.CONNECT, 0.1, "connect", 0),
        (504, CallFailure.TIMEOUT, 0.1, "timeout", 0),
        (502, CallFailure.RESET_REUSED, 0.1, "reset_reused", 0),
        (200, "", 11.0, "slow", 200),
    ],
)
def test_what_opened_it_is_named(status: int, reason: str | CallFailure, took: float, failure: str, shown: int) -> None:
    guarded = GuardedUpstream(slow_after=10)
    for _ in range(3):
        guarded.call(status, reason, took=took)
    assert guarded.state == "open"
    (cause,) = guarded.causes
    assert (cause.failure, cause.status, cause.address, cause.at) == (failure, shown, "192.0.2.9:80", guarded.now)
    assert cause.error
    assert guarded.stages[0].cause == cause


def test_a_circuit_that_is_due_is_left_to_clients_for_a_second_and_then_tried_by_a_check() -> None:
    guarded = GuardedUpstream(workers=2, successes=2)
    for _ in range(3):
        guarded.call(503)
    one, other = guarded.stages
    guarded.now += 60.5
    assert one.probe() is None, "a client may come"
    guarded.now += 1
    epoch = one.probe()
    assert epoch is not None and other.probe() is None
    one.probed(epoch, False)
    assert guarded.state == "half_open"
    epoch = other.probe()
    assert epoch is not None, "nobody calls still, and it takes two"
    other.probed(epoch, False)
    assert guarded.state == "closed"


def test_a_check_that_fails_leaves_it_open_and_says_why() -> None:
    guarded = GuardedUpstream()
    for _ in range(3):
        guarded.call(503)
    guarded.now += 62
    (stage,) = guarded.stages
    epoch = stage.probe()
    assert epoch is not None
    stage.probed(epoch, True, Cause("timeout", 0, "no response in time", "192.0.2.9:80", guarded.now))
    assert guarded.state == "open"
    assert [cause.failure for cause in guarded.causes] == ["status", "timeout"]
