"""The first address that takes a connection gets it: which are tried when, for how long, and what becomes of the others."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from gateway.core.happy_eyeballs import (
    AT_ONCE,
    DELAY,
    SHORTEST,
    Connected,
    NoneConnected,
    first_connected,
    open_socket,
)
from tests.black_hole import black_hole
from tests.named_upstream import servers


@dataclass
class Dialled:
    """Attempts by what a test says of each address: seconds until it connects, or the error; None hangs."""

    outcomes: dict[str, float | Exception | None]
    handshakes: set[str] = field(default_factory=set)  # take the connection at once, before the rest
    began: dict[str, float] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    most: int = 0
    dropped: list[str] = field(default_factory=list)

    async def attempt(self, address: str, on_taken: Callable[[], None]) -> str:
        self.began[address] = asyncio.get_running_loop().time()
        self.running.add(address)
        self.most = max(self.most, len(self.running))
        if address in self.handshakes:
            on_taken()
        try:
            outcome = self.outcomes[address]
            if isinstance(outcome, Exception):
                raise outcome
            if outcome is None:
                await asyncio.get_running_loop().create_future()
            else:
                await asyncio.sleep(outcome)
            return f"to {address}"
        finally:
            self.running.discard(address)

    async def connect(self, seconds: float, room: Callable[[], bool] = lambda: True) -> Connected[str, str]:
        until = asyncio.get_running_loop().time() + seconds
        try:
            return await first_connected(list(self.outcomes), self.attempt, until, self.dropped.append, room)
        finally:
            await asyncio.sleep(0.01)
            assert self.running == set(), "what lost was ended"

    def pauses(self) -> list[float]:
        began = list(self.began.values())
        return [later - earlier for earlier, later in itertools.pairwise(began)]


REFUSED = ConnectionRefusedError(111, "refused")


async def test_one_that_hangs_is_overtaken_after_a_quarter_of_a_second() -> None:
    dialled = Dialled({"::1": None, "10.0.0.1": 0.0})
    value, address, failures = await dialled.connect(30)
    assert (value, address, failures) == ("to 10.0.0.1", "10.0.0.1", {"::1": None})
    assert DELAY - 0.01 <= dialled.pauses()[0] < 10


async def test_the_next_of_one_that_is_refused_is_tried_at_once() -> None:
    dialled = Dialled({"::1": REFUSED, "::2": REFUSED, "10.0.0.1": 0.0})
    _, address, failures = await dialled.connect(5)
    assert (address, failures) == ("10.0.0.1", {"::1": REFUSED, "::2": REFUSED})
    assert max(dialled.pauses()) < DELAY


async def test_one_that_is_refused_late_does_not_hurry_the_address_after_the_next() -> None:
    dialled = Dialled({"a": None, "b": None, "c": 0.0})

    async def attempt(address: str, on_taken: Callable[[], None]) -> str:
        if address != "a":
            return await dialled.attempt(address, on_taken)
        await asyncio.sleep(DELAY + 0.05)
        raise REFUSED

    until = asyncio.get_running_loop().time() + 5
    _, address, _ = await first_connected(["a", "b", "c"], attempt, until, dialled.dropped.append)
    assert address == "c"
    assert dialled.pauses()[0] >= DELAY - 0.01


async def test_a_slow_first_address_may_still_win_and_what_connects_with_it_is_dropped() -> None:
    dialled = Dialled({"::1": DELAY + 0.05, "10.0.0.1": None})
    _, address, failures = await dialled.connect(5)
    assert (address, failures) == ("::1", {}), "the other one was not tried before it"
    both = asyncio.Event()

    async def attempt(address: str, on_taken: Callable[[], None]) -> str:
        if address == "b":
            both.set()
        await both.wait()
        return address

    dropped: list[str] = []
    until = asyncio.get_running_loop().time() + 5
    value, _, _ = await first_connected(["a", "b"], attempt, until, dropped.append)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sorted([value, *dropped]) == ["a", "b"], "each connection is used or dropped"


@pytest.mark.parametrize("many", [2, 8, 40])
async def test_every_address_gets_its_share_of_the_time(many: int) -> None:
    dialled = Dialled({f"10.0.0.{number}": None for number in range(many - 1)} | {"::1": 0.0})
    _, address, failures = await dialled.connect(2.0)
    assert (address, len(failures)) == ("::1", many - 1), "the last one was reached, however many are dead"
    assert dialled.most <= AT_ONCE


async def test_there_is_an_end_to_it_and_no_address_is_tried_sooner_than_may_be() -> None:
    dialled = Dialled({f"10.0.0.{number}": None for number in range(64)})
    began = asyncio.get_running_loop().time()
    with pytest.raises(NoneConnected) as none:
        await dialled.connect(0.2)
    assert asyncio.get_running_loop().time() - began < 2
    assert none.value.late
    assert len(none.value.failures) == len(dialled.began) <= 0.2 / SHORTEST + 1
    assert dialled.most <= AT_ONCE


async def test_all_refused_is_the_first_ones_cause_and_not_late() -> None:
    with pytest.raises(NoneConnected) as none:
        await Dialled({"a": REFUSED, "b": OSError("no route")}).connect(5)
    assert (none.value.late, none.value.sentence) == (False, str(REFUSED))
    with pytest.raises(NoneConnected) as none:
        await Dialled({"a": None}).connect(0.01)
    assert (none.value.late, none.value.sentence) == (True, "connecting took too long")


async def test_a_handshake_gets_its_share_before_another_one_is_begun() -> None:
    """A slow upstream is not asked for several handshakes in place of one."""
    dialled = Dialled({"a": 2 * DELAY, "b": 0.0}, handshakes={"a"})
    _, address, failures = await dialled.connect(2.0)
    assert (address, failures, list(dialled.began)) == ("a", {}, ["a"])
    hung = Dialled({"a": None, "b": 0.0}, handshakes={"a"})
    _, address, failures = await hung.connect(0.8)
    assert (address, failures) == ("b", {"a": None})
    assert hung.pauses()[0] >= 0.35


async def test_without_room_one_attempt_ends_for_the_next() -> None:
    dialled = Dialled({"a": None, "b": None, "c": 0.0})
    _, address, failures = await dialled.connect(0.6, room=lambda: False)
    assert (address, failures) == ("c", {"a": None, "b": None})


async def test_a_bug_is_no_address_that_fails() -> None:
    with pytest.raises(ZeroDivisionError):
        await Dialled({"a": ZeroDivisionError(), "b": 0.0}).connect(5)


async def test_whoever_leaves_ends_all_attempts() -> None:
    dialled = Dialled({"a": None, "b": None})
    calling = asyncio.create_task(dialled.connect(5))
    await asyncio.sleep(0.01)
    calling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await calling
    assert dialled.running == set()


async def test_sockets_are_tried_on_the_wire() -> None:
    async with servers("127.0.0.1") as found:
        with black_hole("127.0.0.2", found.port):
            until = asyncio.get_running_loop().time() + 5
            won = await first_connected(
                ["::1", "127.0.0.2", "127.0.0.1"],
                lambda address, on_taken: open_socket(address, found.port, on_taken),
                until,
                lambda sock: sock.close(),
            )
        with won.value:
            assert won.value.getpeername() == ("127.0.0.1", found.port)
        assert set(won.failures) == {"::1", "127.0.0.2"}
        assert won.failures["127.0.0.2"] is None
