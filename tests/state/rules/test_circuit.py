"""The state machine of a circuit against a model, and the rules by themselves."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.state.memory.store import MemoryStore
from gateway.state.rules.circuit import CLOSED, HALF_OPEN, OPEN
from tests.state.circuits import NOON, TRIP


class AgainstAModel(RuleBasedStateMachine):
    """The model is written in the words of the docs: a list of what happened, looked through anew each time."""

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
                self.probe, self.probe_until = got.epoch, self.now + TRIP.probe_timeout
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
        seen = (circuit.state, circuit.failures, circuit.good, circuit.forced)
        assert seen == (self.state, self.row, self.good, self.held)


TestAgainstAModel = AgainstAModel.TestCase


TestAgainstAModel.settings = settings(max_examples=60, stateful_step_count=60)
