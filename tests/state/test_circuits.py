"""Circuits in every store, and the state machine against a model."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.state.lmdb.circuits import packed, unpacked
from gateway.state.lmdb.store import LmdbStore
from gateway.state.rules import circuit as circuits
from gateway.state.rules.circuit import CLOSED, HALF_OPEN, NEW, OPEN, Circuit, Trip
from tests.memory_store import MemoryStore

NOON = 1_767_268_800.0
TRIP = Trip(failures=3, ratio=0.0, window=60.0, min_volume=10, recover_after=60.0, successes=2, lease=30.0)


@pytest.fixture(params=["embedded", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    made: Any = LmdbStore(tmp_path / "state") if request.param == "embedded" else MemoryStore()
    yield made
    made.close()


def call(store: Any, failed: bool | None, now: float = NOON, trip: Trip = TRIP) -> bool:
    admitted = store.admit(b"stt", trip, now)
    if admitted.ok:
        store.record_outcome(b"stt", trip, admitted.epoch, failed, now)
    return bool(admitted.ok)


def opened(store: Any) -> Any:
    for _ in range(3):
        assert call(store, True)
    assert store.circuit(b"stt", NOON).state == OPEN
    return store


def test_three_failures_in_a_row_open_it_and_a_success_between_begins_anew(store: Any) -> None:
    for failed in (True, True, False, True, True):
        assert call(store, failed)
    assert store.circuit(b"stt", NOON)[:3] == (CLOSED, 0, 2)
    assert call(store, None), "says nothing, counts nothing"
    assert store.circuit(b"stt", NOON).failures == 2
    call(store, True)
    assert store.circuit(b"stt", NOON).state == OPEN
    refused = store.admit(b"stt", TRIP, NOON + 59)
    assert not refused.ok
    assert refused.retry_in == 1.0
    assert store.admit(b"tutor", TRIP, NOON).ok, "another upstream is not concerned"


def test_of_a_crowd_at_the_half_open_moment_one_goes_through(store: Any) -> None:
    opened(store)
    answers = [store.admit(b"stt", TRIP, NOON + 60) for _ in range(500)]
    assert [answer.ok for answer in answers] == [True] + [False] * 499
    assert answers[0].was == OPEN and {answer.was for answer in answers[1:]} == {HALF_OPEN}
    assert store.record_outcome(b"stt", TRIP, answers[0].epoch, False, NOON + 61)[0].state == HALF_OPEN
    second = store.admit(b"stt", TRIP, NOON + 61)
    circuit, was = store.record_outcome(b"stt", TRIP, second.epoch, False, NOON + 62)
    assert (was, circuit.state, circuit.failures) == (HALF_OPEN, CLOSED, 0)


def test_a_failed_probe_opens_it_for_as_long_again(store: Any) -> None:
    opened(store)
    assert call(store, True, NOON + 60)
    assert not call(store, False, NOON + 119)
    assert call(store, False, NOON + 120)


def test_a_probe_that_says_nothing_makes_room_for_the_next_at_once(store: Any) -> None:
    opened(store)
    assert call(store, None, NOON + 60)
    assert call(store, None, NOON + 60)


def test_a_probe_that_is_lost_holds_nobody_up_beyond_its_lease_and_says_nothing_later(store: Any) -> None:
    lost = opened(store).admit(b"stt", TRIP, NOON + 60)
    assert not store.admit(b"stt", TRIP, NOON + 89).ok
    assert store.admit(b"stt", TRIP, NOON + 90).ok
    assert store.record_outcome(b"stt", TRIP, lost.epoch, True, NOON + 91)[0].state == HALF_OPEN
    assert not store.admit(b"stt", TRIP, NOON + 91).ok, "the second probe is still on its way"


def test_calls_from_before_it_opened_say_nothing_about_it_now(store: Any) -> None:
    early = store.admit(b"stt", TRIP, NOON)
    opened(store)
    for _ in range(2):
        assert call(store, False, NOON + 60)
    assert store.circuit(b"stt", NOON + 60).state == CLOSED
    assert store.record_outcome(b"stt", TRIP, early.epoch, True, NOON + 60)[0].failures == 0


def test_a_share_of_failures_opens_it_once_there_were_enough_calls(store: Any) -> None:
    trip = TRIP._replace(failures=1000, ratio=0.5)
    for failed in (True, False) * 4 + (False,):
        assert call(store, failed, trip=trip)
    assert store.circuit(b"stt", NOON).state == CLOSED, "nine calls are too few"
    call(store, True, trip=trip)
    assert store.circuit(b"stt", NOON).state == OPEN


def test_calls_leave_the_window(store: Any) -> None:
    trip = TRIP._replace(failures=1000, ratio=0.5)
    for _ in range(9):
        call(store, True, trip=trip)
    call(store, True, NOON + 66, trip)
    assert store.circuit(b"stt", NOON + 66).state == CLOSED


def test_a_clock_that_was_set_back_does_not_keep_it_open(store: Any) -> None:
    opened(store)
    earlier = NOON - 7200
    assert store.admit(b"stt", TRIP, earlier).retry_in == 60.0
    assert store.admit(b"stt", TRIP, earlier + 60).ok


def test_what_nobody_called_for_a_day_is_forgotten(store: Any) -> None:
    assert opened(store).admit(b"stt", TRIP, NOON + 60 + circuits.FORGET).was == CLOSED
    store.sweep(NOON + 61 + circuits.FORGET, 100)
    assert store.circuit(b"stt", NOON).state in (CLOSED, OPEN)


def test_two_processes_of_a_host_share_it(tmp_path: Path) -> None:
    one = LmdbStore(tmp_path / "state")
    opened(one)
    one.close()
    other = LmdbStore(tmp_path / "state")
    assert not other.admit(b"stt", TRIP, NOON + 1).ok
    other.close()


def test_a_circuit_is_read_as_it_was_written() -> None:
    circuit = Circuit(HALF_OPEN, 7, 3, 1, NOON, NOON + 60, NOON + 90, NOON + 99, ((1, 2, 3), (4, 5, 6)))
    assert unpacked(packed(circuit)) == circuit
    assert unpacked(packed(NEW)) == NEW
    for forced in (OPEN, CLOSED):
        assert unpacked(packed(circuit._replace(forced=forced))).forced == forced


def test_held_open_by_an_operator_nothing_goes_through_and_nothing_closes_it(store: Any) -> None:
    early = store.admit(b"stt", TRIP, NOON)
    circuit, was = store.force(b"stt", OPEN, NOON)
    assert (circuit.state, circuit.forced, circuit.opened_at, was) == (OPEN, OPEN, NOON, CLOSED)
    store.record_outcome(b"stt", TRIP, early.epoch, False, NOON)
    for later in (1, 60, 3600, 86_400 * 365):
        refused = store.admit(b"stt", TRIP, NOON + later)
        assert (refused.ok, refused.retry_in) == (False, 60.0)
        store.sweep(NOON + later, 100)
    assert store.force(b"stt", OPEN, NOON + 5)[0].opened_at == NOON, "ordered twice is ordered once"


def test_handed_back_from_open_the_next_call_tries_it(store: Any) -> None:
    store.force(b"stt", OPEN, NOON)
    assert store.force(b"stt", "", NOON + 10)[0].forced == ""
    answers = [store.admit(b"stt", TRIP, NOON + 10) for _ in range(20)]
    assert [answer.ok for answer in answers] == [True] + [False] * 19
    assert store.circuit(b"stt", NOON + 10).state == HALF_OPEN


def test_held_closed_by_an_operator_no_failure_opens_it_and_it_is_new_afterwards(store: Any) -> None:
    opened(store)
    assert store.force(b"stt", CLOSED, NOON)[0].state == CLOSED
    for _ in range(20):
        assert call(store, True)
    assert store.force(b"stt", "", NOON + 1)[0].failures == 0
    for _ in range(3):
        assert call(store, True, NOON + 1)
    assert not call(store, True, NOON + 1)


def test_handing_back_what_nobody_holds_changes_nothing(store: Any) -> None:
    opened(store)
    before = store.circuit(b"stt", NOON)
    assert store.force(b"stt", "", NOON + 1)[0] == before


def test_what_an_operator_ordered_outlives_the_processes(tmp_path: Path) -> None:
    one = LmdbStore(tmp_path / "state")
    one.force(b"stt", OPEN, NOON)
    one.close()
    other = LmdbStore(tmp_path / "state")
    assert other.circuit(b"stt", NOON + 86_400 * 30).forced == OPEN
    other.close()


class AgainstAModel(RuleBasedStateMachine):
    """The model is told in the words of the docs: a list of what happened, looked through anew each time."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.now = NOON
        self.state = CLOSED
        self.row = self.good = self.era = 0
        self.until = 0.0
        self.probe: Any = None
        self.probe_until = 0.0
        self.flying: list[tuple[Any, int]] = []
        self.held = ""

    def change(self, state: str) -> None:
        self.state, self.era, self.good, self.probe = state, self.era + 1, 0, None
        if state == OPEN:
            self.until = self.now + TRIP.recover_after
        if state == CLOSED:
            self.row = 0

    @rule(seconds=st.sampled_from([0.5, 5.0, 29.0, 30.0, 60.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_call_comes(self) -> None:
        got = self.store.admit(b"stt", TRIP, self.now)
        if self.state == OPEN and self.now >= self.until and not self.held:
            self.change(HALF_OPEN)
        probing = self.probe is not None and self.now < self.probe_until
        assert got.ok == (self.state == CLOSED or (self.state == HALF_OPEN and not probing))
        if got.ok:
            if self.state == HALF_OPEN:
                self.probe, self.probe_until = got.epoch, self.now + TRIP.lease
            self.flying.append((got.epoch, self.era))

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 1000), failed=st.sampled_from([True, True, False, None]))
    def a_call_ends(self, which: int, failed: bool | None) -> None:
        epoch, era = self.flying.pop(which % len(self.flying))
        self.store.record_outcome(b"stt", TRIP, epoch, failed, self.now)
        if era != self.era or self.state == OPEN or self.held:
            return
        if self.state == CLOSED:
            self.row = self.row if failed is None else self.row + 1 if failed else 0
            if self.row >= TRIP.failures:
                self.change(OPEN)
        elif epoch == self.probe:
            self.probe = None
            self.good += failed is False
            if failed:
                self.row += 1
                self.change(OPEN)
            elif self.good >= TRIP.successes:
                self.change(CLOSED)

    @rule(order=st.sampled_from([OPEN, CLOSED, "", ""]))
    def an_operator_orders(self, order: str) -> None:
        self.store.force(b"stt", order, self.now)
        if order == self.held:
            return
        was, self.held = self.held, order
        if order or was == CLOSED:
            self.change(order or CLOSED)
        else:
            self.change(OPEN)
            self.until = self.now

    @invariant()
    def agrees(self) -> None:
        circuit = self.store.circuit(b"stt", self.now)
        told = (circuit.state, circuit.failures, circuit.good, circuit.forced)
        assert told == (self.state, self.row, self.good, self.held)


TestAgainstAModel = AgainstAModel.TestCase
TestAgainstAModel.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
