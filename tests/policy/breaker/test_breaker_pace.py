"""A breaker and the pace of clients: what tries the upstream, when its outcome is known, and what says nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.core.exchange import Exchange, Slot
from gateway.core.failure import CallFailure
from gateway.policy.base import candidates
from gateway.state.memory.store import MemoryStore
from tests.policy.breaker.guarded_upstream import GuardedUpstream


class Content:
    """The content of a request that is still arriving, and comes with ``here``."""

    length, limit = 10, None
    complete = late = False

    def __init__(self) -> None:
        self.here = asyncio.Event()
        self.put_back = lambda data: None

    async def read(self) -> bytes:
        await self.here.wait()
        return b""


def opened(**more: Any) -> GuardedUpstream:
    """An upstream that may be tried now."""
    guarded = GuardedUpstream(**more)
    for _ in range(3):
        guarded.call(503)
    guarded.now += 60
    return guarded


def upload(guarded: GuardedUpstream) -> tuple[Exchange, Content, Any]:
    exchange, content = Exchange("POST", "/", {}, "192.0.2.1", 0.0), Content()
    exchange.stream = content  # type: ignore[assignment]  # what is asked of it
    return exchange, content, guarded.stages[0].on_request(exchange)


async def test_a_request_whose_content_is_to_come_tries_the_upstream_when_it_is_here() -> None:
    guarded = opened()
    exchange, content, verdict = upload(guarded)
    trying = asyncio.ensure_future(verdict)
    await asyncio.sleep(0)
    assert guarded.state == "open", "nothing is held meanwhile"
    content.here.set()
    assert await trying is None
    assert (guarded.state, exchange.body) == ("half_open", b"")


async def test_it_goes_on_as_any_other_when_another_has_closed_the_circuit_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(candidates, "WITHIN", 0.02)
    guarded = opened()
    slow, _, verdict = upload(guarded)
    trying = asyncio.ensure_future(verdict)
    await asyncio.sleep(0)
    assert guarded.call(200) is None
    assert await trying is None
    assert slow.slot is not None and not slow.slot.probe
    another, _, verdict = upload(opened(store=MemoryStore()))
    assert (await verdict).reason.slug == "upstream_resting"
    assert another.slot is None


def test_one_whose_content_is_to_come_is_refused_at_once_while_no_try_may_be_made() -> None:
    guarded = opened()
    assert guarded.begin()[1] is None
    assert upload(guarded)[2].retry_after == 1
    guarded.now -= 30
    assert upload(opened(mode="report"))[2].reason.slug == "upstream_resting", "which is noted only"
    closed = GuardedUpstream()
    exchange, _, verdict = upload(closed)
    assert (verdict, exchange.slot) == (None, Slot(0))


def respond(guarded: GuardedUpstream, exchange: Exchange, status: int) -> None:
    """The head of the upstream's response is here."""
    exchange.status, exchange.endpoint = status, "192.0.2.9:80"
    guarded.stages[0].on_response(exchange)


@pytest.mark.parametrize(("status", "state"), [(200, "closed"), (503, "open")])
def test_a_try_has_its_outcome_when_the_response_begins(status: int, state: str) -> None:
    guarded = opened()
    exchange, _ = guarded.begin()
    guarded.stages[0].on_response(exchange)
    assert guarded.state == "half_open", "a response of the gateway is none"
    respond(guarded, exchange, status)
    assert guarded.state == state
    exchange.reason, exchange.failure = "upstream_broken", CallFailure.BROKEN
    guarded.stages[0].on_done(exchange)
    assert (guarded.state, guarded.stages[0].circuit().failures) == (state, 1 if status == 200 else 4)


@pytest.mark.parametrize(("failure", "state"), [(CallFailure.TIMEOUT, "open"), (CallFailure.BUSY, "half_open")])
def test_a_try_that_failed_is_over_when_the_response_of_a_fallback_begins(failure: CallFailure, state: str) -> None:
    guarded = opened()
    exchange, _ = guarded.begin()
    exchange.failure, exchange.reason, exchange.fallback = failure, failure.slug, "other"
    respond(guarded, exchange, 200)
    assert (guarded.state, exchange.slot) == (state, None)


def leave(exchange: Exchange) -> None:
    assert exchange.slot is not None
    exchange.slot = exchange.slot._replace(left=True)


def test_of_a_try_whose_client_has_left_and_the_next_one_either_closes_the_circuit() -> None:
    for first in (True, False):
        guarded = opened()
        left, _ = guarded.begin()
        leave(left)
        following, refusal = guarded.begin()
        assert refusal is None
        assert guarded.begin()[1] is not None, "one call at a time"
        respond(guarded, left if first else following, 200)
        assert guarded.state == "closed"


@pytest.mark.parametrize("status", [200, 503, 0])
def test_at_other_workers_a_try_whose_client_has_left_is_over_when_its_call_is(status: int) -> None:
    guarded = opened(workers=2)
    left, _ = guarded.begin(worker=0)
    leave(left)
    assert guarded.begin(worker=1)[1] is not None, "one call at a time"
    if status:
        respond(guarded, left, status)
    guarded.stages[0].on_done(left)
    assert guarded.begin(worker=1)[1] is None
    assert guarded.state == ("closed" if status == 200 else "half_open")


def test_a_try_whose_client_has_left_counts_for_nothing_where_it_fails() -> None:
    guarded = opened()
    left, _ = guarded.begin()
    leave(left)
    following, _ = guarded.begin()
    respond(guarded, left, 503)
    assert guarded.state == "half_open"
    assert guarded.begin()[1] is not None, "the next one goes on"
    leave(following)
    respond(guarded, following, 503)
    assert guarded.state == "half_open"
    assert guarded.begin()[1] is None, "nobody tries it any more"


@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.parametrize(
    ("failure", "counts"), [(None, False), (CallFailure.RESET, False), (CallFailure.CONNECT, True)]
)
def test_a_call_that_waited_for_its_client_is_no_failure_and_no_success(
    status: int, failure: CallFailure | None, counts: bool
) -> None:
    guarded = GuardedUpstream()
    guarded.call(503)
    exchange, content, _ = upload(guarded)
    content.late = True
    exchange.status, exchange.failure, exchange.reason = status, failure, failure.slug if failure else ""
    guarded.stages[0].on_done(exchange)
    assert guarded.stages[0].circuit().failures == 1 + counts
