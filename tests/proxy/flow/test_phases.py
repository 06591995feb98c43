"""What there is to do in one turn is done side by side, and nobody's fault is another's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.proxy.flow.phases import Grouped, PhaseBatch


class Item:
    def __init__(self, name: str) -> None:
        self.name = name
        self.errors: list[str] = []

    def failed(self, error: Exception) -> None:
        self.errors.append(str(error))


async def test_all_go_through_one_phase_before_any_goes_through_the_next() -> None:
    told: list[str] = []

    def first(item: Item) -> Item | None:
        told.append(f"first {item.name}")
        if item.name == "b":
            raise ValueError("b is broken")
        return None if item.name == "c" else item

    def second(item: Item) -> Item:
        told.append(f"second {item.name}")
        return item

    items = [Item(name) for name in "abcd"]
    turn = PhaseBatch(asyncio.get_running_loop(), (first, second))
    for item in items:
        turn.add(item)
    assert told == []
    await asyncio.sleep(0)
    assert told == ["first a", "first b", "first c", "first d", "second a", "second d"]
    assert [item.errors for item in items] == [[], ["b is broken"], [], []]


async def test_what_is_added_meanwhile_has_its_turn_next() -> None:
    told: list[str] = []

    def phase(item: Item) -> None:
        told.append(item.name)
        if item.name == "a":
            turn.add(Item("later"))

    turn = PhaseBatch(asyncio.get_running_loop(), (phase,))
    turn.add(Item("a"))
    turn.add(Item("b"))
    await asyncio.sleep(0)
    assert told == ["a", "b"]
    await asyncio.sleep(0)
    assert told == ["a", "b", "later"]


async def test_a_phase_may_be_gone_through_within_a_context() -> None:
    told: list[str] = []

    @contextmanager
    def context() -> Iterator[None]:
        told.append("begin")
        yield
        told.append("end")

    def phase(item: Item) -> None:
        told.append(item.name)

    turn = PhaseBatch(asyncio.get_running_loop(), (Grouped(context, phase),))
    turn.add(Item("a"))
    turn.add(Item("b"))
    await asyncio.sleep(0)
    assert told == ["begin", "a", "b", "end"]
    turn.add(Item("alone"))
    await asyncio.sleep(0)
    assert told[4:] == ["alone"]


async def test_a_context_that_fails_at_its_end_has_failed_for_all() -> None:
    after: list[Item] = []

    @contextmanager
    def context() -> Iterator[None]:
        yield
        raise OSError("not kept")

    def phase(item: Item) -> Item:
        if item.name == "b":
            raise ValueError("b is broken")
        return item

    items = [Item(name) for name in "abc"]
    turn = PhaseBatch(asyncio.get_running_loop(), (Grouped(context, phase), after.append))
    for item in items:
        turn.add(item)
    await asyncio.sleep(0)
    assert after == []
    assert [item.errors for item in items] == [["not kept"], ["b is broken"], ["not kept"]]


async def test_a_context_that_cannot_be_entered_fails_all_and_loses_nobody() -> None:
    @contextmanager
    def context() -> Iterator[None]:
        raise OSError("not begun")
        yield

    items = [Item(name) for name in "ab"]
    turn = PhaseBatch(asyncio.get_running_loop(), (Grouped(context, lambda item: item),))
    for item in items:
        turn.add(item)
    await asyncio.sleep(0)
    assert [item.errors for item in items] == [["not begun"], ["not begun"]]
