"""What is written in one turn of the loop leaves together, in order, and before anything closes."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.proxy.wire.write_batch import WriteBatch


class Wire:
    """A transport that notes what is written to it."""

    def __init__(self, sent: list[tuple[str, bytes]], name: str) -> None:
        self.sent, self.name, self.closing = sent, name, False

    def write(self, data: bytes) -> None:
        self.sent.append((self.name, data))

    def is_closing(self) -> bool:
        return self.closing


async def test_writes_of_one_turn_leave_together_and_in_order() -> None:
    sent: list[tuple[str, bytes]] = []
    one, two = Wire(sent, "one"), Wire(sent, "two")
    outbox: Any = WriteBatch(asyncio.get_running_loop())
    outbox.write(one, b"1")
    outbox.write(two, b"2")
    outbox.write(one, b"3")
    assert sent == []
    await asyncio.sleep(0)
    assert sent == [("one", b"1"), ("two", b"2"), ("one", b"3")]
    outbox.write(two, b"4")  # the next turn's are not forgotten
    await asyncio.sleep(0)
    assert sent[3:] == [("two", b"4")]


async def test_who_cannot_wait_flushes_and_nothing_leaves_twice() -> None:
    sent: list[tuple[str, bytes]] = []
    wire = Wire(sent, "one")
    outbox: Any = WriteBatch(asyncio.get_running_loop())
    outbox.write(wire, b"1")
    outbox.flush()
    assert sent == [("one", b"1")]
    await asyncio.sleep(0)
    assert sent == [("one", b"1")]


async def test_who_is_closing_gets_nothing_and_keeps_nobody_from_theirs() -> None:
    sent: list[tuple[str, bytes]] = []
    gone, here = Wire(sent, "gone"), Wire(sent, "here")
    outbox: Any = WriteBatch(asyncio.get_running_loop())
    outbox.write(gone, b"1")
    outbox.write(here, b"2")
    gone.closing = True
    await asyncio.sleep(0)
    assert sent == [("here", b"2")]


async def test_who_is_alone_does_not_wait_and_overtakes_nobody() -> None:
    sent: list[tuple[str, bytes]] = []
    wire = Wire(sent, "one")
    outbox: Any = WriteBatch(asyncio.get_running_loop())
    outbox.write(wire, b"1", alone=True)
    assert sent == [("one", b"1")]
    outbox.write(wire, b"2")
    outbox.write(wire, b"3", alone=True)
    assert sent == [("one", b"1")]
    await asyncio.sleep(0)
    assert sent == [("one", b"1"), ("one", b"2"), ("one", b"3")]
