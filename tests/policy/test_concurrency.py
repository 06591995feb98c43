"""Places at an upstream: first come, first served, and every place comes back."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.core.exchange import Exchange
from gateway.policy.concurrency import Settings, build


class Gate:
    def __init__(self, limit: int = 2, queue: int = 3, wait: float = 5.0, resting: bool = False) -> None:
        self.resting = resting
        self.stage = build("stt", Settings(limit=limit, queue=queue, wait=wait), lambda: self.resting)

    def call(self) -> tuple[Exchange, Any]:
        exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
        return exchange, self.stage.on_request(exchange)

    def calls(self, count: int) -> list[Exchange]:
        made = [self.call() for _ in range(count)]
        assert [verdict for _, verdict in made] == [None] * count
        return [exchange for exchange, _ in made]

    def line(self, count: int) -> list[tuple[Exchange, asyncio.Task[Any]]]:
        return [(exchange, asyncio.ensure_future(verdict)) for exchange, verdict in (self.call() for _ in range(count))]


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_finds_a_place_waits_for_nothing_and_who_finds_a_full_line_is_refused() -> None:
    gate = Gate()
    gate.calls(2)
    waiting = gate.line(3)
    await settled()
    assert (gate.stage.taken, gate.stage.waiting) == (2, 3)
    refusal = gate.call()[1]
    assert (refusal.reason.slug, refusal.reason.status, refusal.retry_after) == ("upstream_busy", 503, 5)
    assert refusal.detail == "stt: 2 calls under way, 3 waiting"
    for _, task in waiting:
        task.cancel()
    await settled()
    assert (gate.stage.taken, gate.stage.waiting) == (2, 0)


async def test_places_go_to_the_line_in_its_order_and_no_newcomer_overtakes() -> None:
    gate = Gate(limit=1, queue=3)
    holder = gate.calls(1)[0]
    waiting = gate.line(3)
    await settled()
    for exchange, task in waiting:
        gate.stage.on_done(holder)
        late = gate.call()[1]
        assert late is not None
        late = late if asyncio.isfuture(late) else None
        await settled()
        assert task.done() and task.result() is None
        if late is not None:
            assert not late.done()
            late.cancel()
            await settled()
        holder = exchange
    gate.stage.on_done(holder)
    assert gate.stage.taken == 0


async def test_who_waits_for_too_long_is_refused_and_holds_nothing() -> None:
    gate = Gate(limit=1, wait=0.02)
    holder = gate.calls(1)[0]
    waiting = gate.line(2)
    assert [(await task).reason.slug for _, task in waiting] == ["upstream_busy"] * 2
    for exchange, _ in waiting:
        gate.stage.on_done(exchange)  # the pipeline tells of every stage entered
    assert gate.stage.taken == 1
    gate.stage.on_done(holder)
    gate.stage.on_done(holder)
    assert (gate.stage.taken, gate.stage.waiting) == (0, 0)


async def test_a_client_that_leaves_in_the_very_turn_it_is_given_a_place_passes_it_on() -> None:
    gate = Gate(limit=1)
    holder = gate.calls(1)[0]
    (leaving, task), (staying, next_task) = gate.line(2)
    await settled()
    gate.stage.on_done(holder)
    task.cancel()
    await settled()
    gate.stage.on_done(leaving)
    assert next_task.done() and next_task.result() is None
    gate.stage.on_done(staying)
    assert gate.stage.taken == 0


async def test_nobody_waits_for_an_upstream_whose_breaker_refuses() -> None:
    gate = Gate(limit=1, queue=0)
    gate.calls(1)
    gate.resting = True
    exchange, verdict = gate.call()
    assert verdict is None, "the breaker comes next and says no at once"
    gate.stage.on_done(exchange)
    assert gate.stage.taken == 1


async def test_a_short_body_is_read_before_a_place_is_taken() -> None:
    class Stream:
        complete, length = False, 2

        def __init__(self) -> None:
            self.through = asyncio.Event()

        async def read_all(self) -> bytes:
            await self.through.wait()
            return b"{}"

    gate = Gate(limit=1)
    exchange = Exchange("POST", "/", {}, "192.0.2.1", 0.0)
    exchange.stream = stream = Stream()
    slow: Any = gate.stage.on_request(exchange)
    task = asyncio.ensure_future(slow)
    await settled()
    gate.stage.on_done(gate.calls(1)[0])
    stream.through.set()
    assert await task is None
    assert (exchange.body, gate.stage.taken) == (b"{}", 1)


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_comes_goes_and_leaves_no_place_is_lost_or_given_twice(seed: int) -> None:
    draw = random.Random(seed)
    gate = Gate(limit=3, queue=5, wait=0.005)
    most = inside = 0

    async def client() -> None:
        nonlocal most, inside
        exchange, verdict = gate.call()
        try:
            if verdict is not None and not hasattr(verdict, "reason"):
                verdict = await verdict
            if verdict is None:
                inside += 1
                most = max(most, inside)
                try:
                    await asyncio.sleep(draw.choice((0, 0, 0.001, 0.01)))
                finally:
                    inside -= 1
        finally:
            gate.stage.on_done(exchange)

    tasks = []
    for _ in range(300):
        tasks.append(asyncio.create_task(client()))
        if draw.random() < 0.4:
            draw.choice(tasks).cancel()
        if draw.random() < 0.5:
            await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (gate.stage.taken, gate.stage.waiting) == (0, 0)
    assert most == 3
    gate.calls(3)


@pytest.mark.parametrize(
    "more", [{"limit": 0}, {"limit": True}, {"limit": 1, "queue": -1}, {"limit": 1, "wait": "2m"}, {}]
)
def test_settings_that_make_no_sense_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(more)
