"""Limits in the store of all replicas: a request that waits costs a future, and one that need not wait costs none."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal
from gateway.policy.base.tools import Tools
from gateway.policy.rate_limit.rate_limit import Place, build
from gateway.state.rules.gcra import Take, Taken
from tests.memory_store import MemoryStore
from tests.policy.limit_gate import NOON, limit


class Later:
    """A shared store that answers when it is told to; ``at_once`` as one that Redis has left."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.at_once = False
        self.asked: list[Callable[[], None]] = []

    def begin_take(
        self, takes: Sequence[Take], now: float, on_taken: Callable[[Sequence[Taken]], None]
    ) -> Sequence[Taken] | None:
        answers = self.store.take(takes, now)
        if self.at_once:
            return answers
        self.asked.append(lambda: on_taken(answers))
        return None


def exchange() -> Exchange:
    return Exchange("GET", "/", {}, "192.0.2.1", 0.0)


def staged(later: Any) -> Any:
    tools = Tools(later.store, lambda: NOON, (), later)
    return build([("per-client", limit("2/minute"))], Place.FLOOD, tools)


async def test_the_verdict_is_a_future_that_the_reply_resolves() -> None:
    later = Later()
    stage, asking = staged(later), [exchange() for _ in range(3)]
    verdicts = [stage.on_request(one) for one in asking]
    assert all(isinstance(verdict, asyncio.Future) and not verdict.done() for verdict in verdicts)
    for answered in later.asked:
        answered()
    assert [verdict.result() for verdict in verdicts[:2]] == [None, None]
    assert isinstance(verdicts[2].result(), Refusal)
    assert [len(one.limits) for one in asking] == [1, 1, 1]


async def test_a_reply_for_who_has_left_is_dropped() -> None:
    later = Later()
    one = exchange()
    verdict = staged(later).on_request(one)
    verdict.cancel()
    later.asked[0]()
    assert verdict.cancelled()
    assert one.limits == []


async def test_what_is_at_hand_is_no_future() -> None:
    later = Later()
    later.at_once = True
    stage = staged(later)
    found = [stage.on_request(exchange()) for _ in range(3)]
    assert found[:2] == [None, None]
    assert isinstance(found[2], Refusal)
