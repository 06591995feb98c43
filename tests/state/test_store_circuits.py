"""What every store of a host promises of circuits."""

from gateway.state.rules.circuit import CLOSED, FORGET, HALF_OPEN, OPEN
from gateway.state.store import Store
from tests.state.circuits import NOON, TRIP, call, opened


def test_three_failures_in_a_row_open_it_and_a_success_between_begins_anew(local: Store) -> None:
    for failed in (True, True, False, True, True):
        assert call(local, failed)
    assert local.circuit(b"stt", NOON)[:3] == (CLOSED, 0, 2)
    assert call(local, None), "says nothing, counts nothing"
    assert local.circuit(b"stt", NOON).failures == 2
    call(local, True)
    assert local.circuit(b"stt", NOON).state == OPEN
    refused = local.admit(b"stt", TRIP, NOON + 59)
    assert not refused.ok
    assert refused.retry_in == 1.0
    assert local.admit(b"tutor", TRIP, NOON).ok, "another upstream is not concerned"


def test_of_a_crowd_at_the_half_open_moment_one_goes_through(local: Store) -> None:
    opened(local)
    answers = [local.admit(b"stt", TRIP, NOON + 60) for _ in range(500)]
    assert [answer.ok for answer in answers] == [True] + [False] * 499
    assert answers[0].was == OPEN and {answer.was for answer in answers[1:]} == {HALF_OPEN}
    assert local.record_outcome(b"stt", TRIP, answers[0].epoch, False, NOON + 61)[0].state == HALF_OPEN
    second = local.admit(b"stt", TRIP, NOON + 61)
    circuit, was = local.record_outcome(b"stt", TRIP, second.epoch, False, NOON + 62)
    assert (was, circuit.state, circuit.failures) == (HALF_OPEN, CLOSED, 0)


def test_a_failed_probe_opens_it_for_as_long_again(local: Store) -> None:
    opened(local)
    assert call(local, True, NOON + 60)
    assert not call(local, False, NOON + 119)
    assert call(local, False, NOON + 120)


def test_a_probe_that_says_nothing_makes_room_for_the_next_at_once(local: Store) -> None:
    opened(local)
    assert call(local, None, NOON + 60)
    assert call(local, None, NOON + 60)


def test_a_probe_that_is_lost_holds_nobody_up_beyond_its_lease_and_says_nothing_later(local: Store) -> None:
    lost = opened(local).admit(b"stt", TRIP, NOON + 60)
    assert not local.admit(b"stt", TRIP, NOON + 89).ok
    assert local.admit(b"stt", TRIP, NOON + 90).ok
    assert local.record_outcome(b"stt", TRIP, lost.epoch, True, NOON + 91)[0].state == HALF_OPEN
    assert not local.admit(b"stt", TRIP, NOON + 91).ok, "the second probe is still on its way"


def test_calls_from_before_it_opened_say_nothing_about_it_now(local: Store) -> None:
    early = local.admit(b"stt", TRIP, NOON)
    opened(local)
    for _ in range(2):
        assert call(local, False, NOON + 60)
    assert local.circuit(b"stt", NOON + 60).state == CLOSED
    assert local.record_outcome(b"stt", TRIP, early.epoch, True, NOON + 60)[0].failures == 0


def test_a_share_of_failures_opens_it_once_there_were_enough_calls(local: Store) -> None:
    trip = TRIP._replace(failures=1000, ratio=0.5)
    for failed in (True, False) * 4 + (False,):
        assert call(local, failed, trip=trip)
    assert local.circuit(b"stt", NOON).state == CLOSED, "nine calls are too few"
    call(local, True, trip=trip)
    assert local.circuit(b"stt", NOON).state == OPEN


def test_calls_leave_the_window(local: Store) -> None:
    trip = TRIP._replace(failures=1000, ratio=0.5)
    for _ in range(9):
        call(local, True, trip=trip)
    call(local, True, NOON + 66, trip)
    assert local.circuit(b"stt", NOON + 66).state == CLOSED


def test_a_clock_that_was_set_back_does_not_keep_it_open(local: Store) -> None:
    opened(local)
    earlier = NOON - 7200
    assert local.admit(b"stt", TRIP, earlier).retry_in == 60.0
    assert local.admit(b"stt", TRIP, earlier + 60).ok


def test_what_nobody_called_for_a_day_is_forgotten(local: Store) -> None:
    assert opened(local).admit(b"stt", TRIP, NOON + 60 + FORGET).was == CLOSED
    local.sweep(NOON + 61 + FORGET, 100)
    assert local.circuit(b"stt", NOON).state in (CLOSED, OPEN)


def test_held_open_by_an_operator_nothing_goes_through_and_nothing_closes_it(local: Store) -> None:
    early = local.admit(b"stt", TRIP, NOON)
    circuit, was = local.force(b"stt", OPEN, NOON)
    assert (circuit.state, circuit.forced, circuit.opened_at, was) == (OPEN, OPEN, NOON, CLOSED)
    local.record_outcome(b"stt", TRIP, early.epoch, False, NOON)
    for later in (1, 60, 3600, 86_400 * 365):
        refused = local.admit(b"stt", TRIP, NOON + later)
        assert (refused.ok, refused.retry_in) == (False, 60.0)
        local.sweep(NOON + later, 100)
    assert local.force(b"stt", OPEN, NOON + 5)[0].opened_at == NOON, "ordered twice is ordered once"


def test_handed_back_from_open_the_next_call_tries_it(local: Store) -> None:
    local.force(b"stt", OPEN, NOON)
    assert local.force(b"stt", "", NOON + 10)[0].forced == ""
    answers = [local.admit(b"stt", TRIP, NOON + 10) for _ in range(20)]
    assert [answer.ok for answer in answers] == [True] + [False] * 19
    assert local.circuit(b"stt", NOON + 10).state == HALF_OPEN


def test_held_closed_by_an_operator_no_failure_opens_it_and_it_is_new_afterwards(local: Store) -> None:
    opened(local)
    assert local.force(b"stt", CLOSED, NOON)[0].state == CLOSED
    for _ in range(20):
        assert call(local, True)
    assert local.force(b"stt", "", NOON + 1)[0].failures == 0
    for _ in range(3):
        assert call(local, True, NOON + 1)
    assert not call(local, True, NOON + 1)


def test_handing_back_what_nobody_holds_changes_nothing(local: Store) -> None:
    opened(local)
    before = local.circuit(b"stt", NOON)
    assert local.force(b"stt", "", NOON + 1)[0] == before
