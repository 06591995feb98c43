"""Items of one iteration are taken side by side, and an error of one ends no other."""

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
    calls: list[str] = []

    def first(item: Item) -> Item | None:
        calls.append(f"first {item.name}")
        if item.name == "b":
            raise ValueError("b is broken")
        return None if item.name == "c" else item

    def second(item: Item) -> Item:
        calls.append(f"second {item.name}")
        return item

    items = [Item(name) for name in "abcd"]
    batch = PhaseBatch(asyncio.get_running_loop(), (first, second))
    for item in items:
        batch.add(item)
    assert calls == []
    await asyncio.sleep(0)
    assert calls == ["first a", "first b", "first c", "first d", "second a", "second d"]
    assert [item.errors for item in items] == [[], ["b is broken"], [], []]


async def test_an_item_added_meanwhile_is_taken_in_the_next_iteration() -> None:
    calls: list[str] = []

    def phase(item: Item) -> None:
        calls.append(item.name)
        if item.name == "a":
            batch.add(Item("later"))

    batch = PhaseBatch(asyncio.get_running_loop(), (phase,))
    batch.add(Item("a"))
    batch.add(Item("b"))
    await asyncio.sleep(0)
    assert calls == ["a", "b"]
    await asyncio.sleep(0)
    assert calls == ["a", "b", "later"]


async def test_a_phase_may_be_gone_through_within_a_context() -> None:
    calls: list[str] = []

    @contextmanager
    def context() -> Iterator[None]:
        calls.append("begin")
        yield
        calls.append("end")

    def phase(item: Item) -> None:
        calls.append(item.name)

    batch = PhaseBatch(asyncio.get_running_loop(), (Grouped(phase),), context)
    batch.add(Item("a"))
    batch.add(Item("b"))
    await asyncio.sleep(0)
    assert calls == ["begin", "a", "b", "end"]
    batch.add(Item("alone"))
    await asyncio.sleep(0)
    assert calls[4:] == ["alone"]


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
    batch = PhaseBatch(asyncio.get_running_loop(), (Grouped(phase), after.append), context)
    for item in items:
        batch.add(item)
    await asyncio.sleep(0)
    assert after == []
    assert [item.errors for item in items] == [["not kept"], ["b is broken"], ["not kept"]]


async def test_a_context_that_cannot_be_entered_fails_all_and_loses_nobody() -> None:
    @contextmanager
    def context() -> Iterator[None]:
        raise OSError("not begun")
        yield

    items = [Item(name) for name in "ab"]
    batch = PhaseBatch(asyncio.get_running_loop(), (Grouped(lambda item: item),), context)
    for item in items:
        batch.add(item)
    await asyncio.sleep(0)
    assert [item.errors for item in items] == [["not begun"], ["not begun"]]
