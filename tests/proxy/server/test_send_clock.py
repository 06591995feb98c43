"""The clock of what clients take, moved by hand, over connections that hold any number of bytes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.server import send_clock
from gateway.proxy.server.send_clock import CLOSING, LEAST_RATE, SendClock
from gateway.proxy.wire.tcp import UNSENT_MOST, SendState

TIMEOUT, MOST = 30.0, 1_000_000


@dataclass(eq=False)
class Sending(asyncio.Transport):
    """A transport that holds ``buffered`` bytes above a kernel with ``kernel``; it is its own socket."""

    buffered: int = 0
    kernel: SendState | None = field(default_factory=lambda: SendState(0, 0, False))
    closing: bool = False
    looks: int = 0

    def get_write_buffer_size(self) -> int:
        self.looks += 1
        return self.buffered

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        assert name == "socket"
        return self


@dataclass(eq=False)
class To:
    """A connection with ``unsent`` bytes in its transport."""

    unsent: int = 0
    taken: int = 0
    secure: bool = False
    idle_since: float = 0.0
    held: int = 0
    unused: bool = False

    def __post_init__(self) -> None:
        self.sending = Sending()
        self.transport: asyncio.Transport | None = self.sending
        self.now_at(self.taken, self.unsent)

    def now_at(self, taken: int, unsent: int) -> None:
        """It has ``taken`` bytes, and ``unsent`` wait."""
        self.sending.buffered, self.sending.kernel = unsent, SendState(taken, 0, unsent > 0)


@pytest.fixture(autouse=True)
def _kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_clock, "send_state", lambda transport: transport.kernel)


def test_who_takes_nothing_is_overdue_when_its_time_is_over() -> None:
    clock: SendClock[To] = SendClock()
    one = To(unsent=5)
    assert clock.look([one], 100.0, TIMEOUT, MOST).stalled == []
    assert clock.look([one], 129.9, TIMEOUT, MOST).stalled == []
    assert clock.look([one], 130.0, TIMEOUT, MOST).stalled == [one]


def test_the_clock_stands_still_while_nothing_waits() -> None:
    clock: SendClock[To] = SendClock()
    one = To(unsent=5)
    clock.look([one], 100.0, TIMEOUT, MOST)
    clock.look([one], 129.0, TIMEOUT, MOST)
    one.now_at(5, 0)
    clock.look([one], 129.5, TIMEOUT, MOST)
    one.now_at(5, 5)
    assert clock.look([one], 500.0, TIMEOUT, MOST).stalled == []
    assert clock.look([one], 529.0, TIMEOUT, MOST).stalled == []


@pytest.mark.parametrize(("every", "takes", "ended"), [(29.0, 1, True), (1.0, 1, True), (1.0, 2048, True)])
def test_a_drip_renews_nothing(every: float, takes: int, ended: bool) -> None:
    clock: SendClock[To] = SendClock()
    one, now = To(unsent=10_000_000), 0.0
    while now < 300.0:
        if clock.look([one], now, TIMEOUT, 10**9).stalled:
            break
        now += every
        one.now_at(one.sending.kernel.taken + takes, one.sending.buffered - takes)  # type: ignore[union-attr]  # set above
    assert (now < 70.0) is ended


@given(st.lists(st.floats(0.1, 29.0), max_size=50))
def test_who_takes_the_least_rate_is_never_ended_however_it_comes(pauses: list[float]) -> None:
    clock: SendClock[To] = SendClock()
    one, now, taken = To(unsent=10**9), 0.0, 0
    clock.look([one], now, TIMEOUT, 10**10)
    for pause in pauses:
        now += pause
        taken += int(pause * LEAST_RATE) + 1
        one.now_at(taken, 10**9 - taken)
        assert clock.look([one], now, TIMEOUT, 10**10).stalled == []


def test_what_was_taken_quickly_is_no_credit_for_a_long_stall() -> None:
    clock: SendClock[To] = SendClock()
    one = To(unsent=10)
    clock.look([one], 0.0, TIMEOUT, 10**10)
    one.now_at(10**9, 10)
    clock.look([one], 1.0, TIMEOUT, 10**10)
    assert clock.look([one], 31.0, TIMEOUT, 10**10).stalled == [one]


def test_bytes_count_wherever_they_wait() -> None:
    clock: SendClock[To] = SendClock()
    plain, tls = To(unsent=100, held=50), To(secure=True)
    plain.sending.kernel = SendState(0, 7, True)
    tls.sending.kernel = SendState(0, 9, True)
    clock.look([plain, tls], 0.0, TIMEOUT, MOST)
    assert clock.unsent == 157 + 9 + UNSENT_MOST


def test_without_a_kernel_that_tells_the_transport_alone_is_looked_at() -> None:
    clock: SendClock[To] = SendClock()
    one, two = To(), To()
    one.sending.kernel = two.sending.kernel = None
    one.sending.buffered, two.sending.buffered = 10**7, 100
    clock.look([one, two], 0.0, TIMEOUT, 10**9)
    one.sending.buffered -= 10**6
    assert clock.look([one, two], 30.0, TIMEOUT, 10**9).stalled == [two]


def test_over_the_bound_of_all_those_go_that_have_least_time_and_then_most_bytes() -> None:
    clock: SendClock[To] = SendClock()
    old = To(unsent=300_000)
    clock.look([old], 0.0, TIMEOUT, MOST)
    small, large = To(unsent=100_000), To(unsent=500_000)
    found = clock.look([small, large, old], 5.0, TIMEOUT, 200_000)
    assert (found.stalled, found.over) == ([], [old, large])
    assert clock.unsent == 900_000


def test_those_that_are_stalled_are_not_ended_twice() -> None:
    clock: SendClock[To] = SendClock()
    one = To(unsent=300_000)
    clock.look([one], 0.0, TIMEOUT, MOST)
    found = clock.look([one], 31.0, TIMEOUT, 1)
    assert (found.stalled, found.over) == ([one], [])


def test_a_connection_that_is_closed_waits_for_close_notify_shortly() -> None:
    clock: SendClock[To] = SendClock()
    one = To()
    one.sending.closing = True
    assert clock.look([one], 0.0, TIMEOUT, MOST).closed == []
    assert clock.look([one], CLOSING, TIMEOUT, MOST).closed == [one]


def test_idle_connections_are_looked_at_once_and_unused_ones_never() -> None:
    clock: SendClock[To] = SendClock()
    idle, unused = To(idle_since=5.0), To(unused=True)
    made = To()
    made.transport = None
    for moment in range(6, 20):
        clock.look([idle, unused, made], float(moment), TIMEOUT, MOST)
    assert (idle.sending.looks, unused.sending.looks) == (1, 0)


def test_nothing_is_kept_of_connections_that_are_gone() -> None:
    clock: SendClock[To] = SendClock()
    clock.look([To(unsent=5) for _ in range(10)], 0.0, TIMEOUT, MOST)
    assert clock.unsent == 50
    clock.look([], 1.0, TIMEOUT, MOST)
    assert clock.unsent == 0
    assert not clock._waiting and not clock._closing


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=300))
def test_a_look_in_slices_finds_what_a_look_finds_and_asks_about_few_in_each(many: list[tuple[bool, int]]) -> None:
    connections = [To(unsent=unsent, idle_since=1.0 if idle else 0.0, unused=idle) for idle, unsent in many]
    whole: SendClock[To] = SendClock()
    sliced: SendClock[To] = SendClock()
    for now in (100.0, 140.0):
        expected = whole.look(connections, now, TIMEOUT, 400)
        before = [connection.sending.looks for connection in connections]
        looking = sliced.look_in_slices(connections, now, TIMEOUT, 400)
        try:
            while True:
                next(looking)
                after = [connection.sending.looks for connection in connections]
                assert sum(after) - sum(before) <= send_clock.SLICE // send_clock.MEASURE + 1
                before = after
        except StopIteration as end:
            assert end.value == expected
        assert sliced.unsent == whole.unsent
