"""Permits of an upstream: first come, first served, and every permit comes back."""

from __future__ import annotations

import asyncio
import random
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.core.exchange import Exchange
from gateway.policy.concurrency import Settings, build

TRUSTED = [ip_network("198.51.100.0/24")]


class LimitedUpstream:
    def __init__(self, limit: int = 2, queue: int = 3, wait: float = 5.0, breaker_open: bool = False) -> None:
        self.breaker_open = breaker_open
        self.stage = build("stt", Settings(limit=limit, queue=queue, wait=wait), lambda: self.breaker_open)

    def call(self) -> tuple[Exchange, Any]:
        exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
        return exchange, self.stage.on_request(exchange)

    def calls(self, count: int) -> list[Exchange]:
        made = [self.call() for _ in range(count)]
        assert [verdict for _, verdict in made] == [None] * count
        return [exchange for exchange, _ in made]

    def enqueue(self, count: int) -> list[tuple[Exchange, asyncio.Task[Any]]]:
        return [(exchange, asyncio.ensure_future(verdict)) for exchange, verdict in (self.call() for _ in range(count))]


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_call_takes_a_free_permit_or_waits_and_a_full_queue_refuses() -> None:
    upstream = LimitedUpstream()
    upstream.calls(2)
    waiting = upstream.enqueue(3)
    await settled()
    assert (upstream.stage.taken, upstream.stage.waiting) == (2, 3)
    refusal = upstream.call()[1]
    assert (refusal.reason.slug, refusal.reason.status, refusal.retry_after) == ("upstream_busy", 503, 5)
    assert refusal.detail == "stt: 2 calls under way, 3 waiting"
    for _, task in waiting:
        task.cancel()
    await settled()
    assert (upstream.stage.taken, upstream.stage.waiting) == (2, 0)


async def test_permits_go_to_the_queue_in_its_order_and_no_newcomer_overtakes() -> None:
    upstream = LimitedUpstream(limit=1, queue=3)
    holder = upstream.calls(1)[0]
    waiting = upstream.enqueue(3)
    await settled()
    for exchange, task in waiting:
        upstream.stage.on_done(holder)
        late = upstream.call()[1]
        assert late is not None
        late = late if asyncio.isfuture(late) else None
        await settled()
        assert task.done() and task.result() is None
        if late is not None:
            assert not late.done()
            late.cancel()
            await settled()
        holder = exchange
    upstream.stage.on_done(holder)
    assert upstream.stage.taken == 0


async def test_a_call_that_waits_for_too_long_is_refused_and_holds_nothing() -> None:
    upstream = LimitedUpstream(limit=1, wait=0.02)
    holder = upstream.calls(1)[0]
    waiting = upstream.enqueue(2)
    assert [(await task).reason.slug for _, task in waiting] == ["upstream_busy"] * 2
    for exchange, _ in waiting:
        upstream.stage.on_done(exchange)  # the pipeline tells of every stage entered
    assert upstream.stage.taken == 1
    upstream.stage.on_done(holder)
    upstream.stage.on_done(holder)
    assert (upstream.stage.taken, upstream.stage.waiting) == (0, 0)


async def test_a_client_that_leaves_in_the_iteration_that_gives_it_a_permit_passes_it_on() -> None:
    upstream = LimitedUpstream(limit=1)
    holder = upstream.calls(1)[0]
    (leaving, task), (staying, next_task) = upstream.enqueue(2)
    await settled()
    upstream.stage.on_done(holder)
    task.cancel()
    await settled()
    upstream.stage.on_done(leaving)
    assert next_task.done() and next_task.result() is None
    upstream.stage.on_done(staying)
    assert upstream.stage.taken == 0


async def test_nobody_waits_for_an_upstream_whose_breaker_refuses() -> None:
    upstream = LimitedUpstream(limit=1, queue=0)
    upstream.calls(1)
    upstream.breaker_open = True
    exchange, verdict = upstream.call()
    assert verdict is None, "the breaker comes next and says no at once"
    upstream.stage.on_done(exchange)
    assert upstream.stage.taken == 1


async def test_a_short_body_is_read_before_a_permit_is_taken() -> None:
    class Stream:
        complete = False

        def __init__(self) -> None:
            self.through = asyncio.Event()

        async def gather(self, least: int) -> None:
            await self.through.wait()
            self.complete = True

        def whole(self) -> bytes:
            return b"{}"

    upstream = LimitedUpstream(limit=1)
    exchange = Exchange("POST", "/", {}, "192.0.2.1", 0.0)
    exchange.stream = stream = Stream()
    slow: Any = upstream.stage.on_request(exchange)
    task = asyncio.ensure_future(slow)
    await settled()
    upstream.stage.on_done(upstream.calls(1)[0])
    stream.through.set()
    assert await task is None
    assert (exchange.body, upstream.stage.taken) == (b"{}", 1)


@pytest.mark.parametrize("seed", range(5))
async def test_no_permit_is_lost_or_given_twice_whichever_calls_come_and_go(seed: int) -> None:
    draw = random.Random(seed)
    upstream = LimitedUpstream(limit=3, queue=5, wait=0.005)
    most = inside = 0

    async def client() -> None:
        nonlocal most, inside
        exchange, verdict = upstream.call()
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
            upstream.stage.on_done(exchange)

    tasks = []
    for _ in range(300):
        tasks.append(asyncio.create_task(client()))
        if draw.random() < 0.4:
            draw.choice(tasks).cancel()
        if draw.random() < 0.5:
            await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (upstream.stage.taken, upstream.stage.waiting) == (0, 0)
    assert most == 3
    upstream.calls(3)


@pytest.mark.parametrize(
    "more",
    [
        {"limit": 0},
        {"limit": True},
        {"limit": 1, "queue": -1},
        {"limit": 1, "wait": "2m"},
        {},
        *({"limit": 9, "per_client": share} for share in (0, -1, True, "0%", "101%", 0.5, "3", "")),
    ],
)
def test_settings_that_make_no_sense_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(more)


@pytest.mark.parametrize(
    ("limit", "per_client", "most"),
    [(100, None, 25), (13, None, 4), (8, None, 3), (4, None, 3), (3, None, 3), (2, None, 2), (1, None, 1),
     (100, 10, 10), (100, "10%", 10), (100, "100%", 100), (4, "1%", 1), (4, 10, 4)],
)  # fmt: skip
def test_the_share_of_one_client(limit: int, per_client: object, most: int) -> None:
    written = {} if per_client is None else {"per_client": per_client}
    assert Settings.model_validate({"limit": limit, **written}, context={"written": True}).most == most


class Route:
    """A route of the egress listener."""

    internal = True


async def test_a_client_is_a_principal_or_the_network_of_an_address_and_the_backend_is_none() -> None:
    stage = build("stt", Settings(limit=20, queue=0, per_client=2), lambda: False, TRUSTED)

    def call(client: str, principal: str = "", internal: bool = False) -> str:
        exchange = Exchange("GET", "/", {}, client, 0.0)
        exchange.principal = principal
        if internal:
            exchange.route = Route()  # type: ignore[assignment]  # what is asked of it
        verdict: Any = stage.on_request(exchange)
        return "" if verdict is None else verdict.reason.slug

    for client, principal in (("2001:db8::1", ""), ("2001:db8::1", "ada"), ("192.0.2.1", "ada"), ("2001:db8::2", "")):
        assert call(client, principal) == ""
    for client, principal in (("2001:db8::3", ""), ("192.0.2.7", "ada")):
        assert call(client, principal) == "upstream_busy"
    assert [call("198.51.100.7") for _ in range(3)] == [""] * 3, "a trusted proxy, whose clients count for themselves"
    assert [call("127.0.0.1", internal=True) for _ in range(14)] == [""] * 13 + ["upstream_busy"]


async def test_no_permit_and_no_wait_for_a_content_that_a_breaker_refuses() -> None:
    upstream = LimitedUpstream(limit=1, breaker_open=True)
    exchange = Exchange("POST", "/", {}, "192.0.2.1", 0.0)
    exchange.stream = SimpleNamespace(complete=False)  # type: ignore[assignment]  # what is asked of it
    assert upstream.stage.on_request(exchange) is None
    assert upstream.stage.taken == 0
