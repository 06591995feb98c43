"""Limits in a remote store: a request that waits costs a future, and one that need not wait costs none."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal
from gateway.policy.base.tools import Tools
from gateway.policy.rate_limit.rate_limit import RateLimit, When, build
from gateway.state.memory.store import MemoryStore
from gateway.state.rules.gcra import Take, Taken
from tests.policy.rate_limit.limited_route import NOON, limit


class RemoteLimits:
    """A remote store whose replies the test delivers; ``at_once`` as for units that a worker holds in a lease."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.at_once = False
        self.replies: list[Callable[[], None]] = []

    def begin_take(
        self, takes: Sequence[Take], now: float, on_taken: Callable[[Sequence[Taken]], None]
    ) -> Sequence[Taken] | None:
        results = self.store.take(takes, now)
        if self.at_once:
            return results
        self.replies.append(lambda: on_taken(results))
        return None


def exchange() -> Exchange:
    return Exchange("GET", "/", {}, "192.0.2.1", 0.0)


def stage_over(remote: Any, per_client: str = "2/minute") -> RateLimit:
    tools = Tools(MemoryStore(), lambda: NOON, (), remote)
    stage = build([("per-client", limit(per_client))], When.FLOOD, tools)
    assert stage is not None
    return stage


async def test_the_verdict_is_a_future_that_the_reply_resolves() -> None:
    remote = RemoteLimits()
    stage, exchanges = stage_over(remote), [exchange() for _ in range(3)]
    verdicts: list[Any] = [stage.on_request(one) for one in exchanges]
    assert all(isinstance(verdict, asyncio.Future) and not verdict.done() for verdict in verdicts)
    for deliver in remote.replies:
        deliver()
    assert [verdict.result() for verdict in verdicts[:2]] == [None, None]
    assert isinstance(verdicts[2].result(), Refusal)
    assert [len(one.limits) for one in exchanges] == [1, 1, 1]


async def test_a_reply_for_a_client_that_has_left_is_dropped() -> None:
    remote = RemoteLimits()
    one = exchange()
    verdict: Any = stage_over(remote).on_request(one)
    verdict.cancel()
    remote.replies[0]()
    assert verdict.cancelled()
    assert one.limits == []


async def test_a_fault_while_deciding_ends_the_request_and_not_the_reply_s_other_requests() -> None:
    remote = RemoteLimits()
    verdict: Any = stage_over(remote).on_request(broken := exchange())
    del broken.limits
    remote.replies[0]()
    assert isinstance(verdict.exception(), AttributeError)


async def test_a_result_at_hand_needs_no_future() -> None:
    remote = RemoteLimits()
    remote.at_once = True
    stage = stage_over(remote)
    verdicts = [stage.on_request(exchange()) for _ in range(3)]
    assert verdicts[:2] == [None, None]
    assert isinstance(verdicts[2], Refusal)


async def test_only_limits_of_the_host_share_a_transaction() -> None:
    assert stage_over(None).grouped
    assert not stage_over(RemoteLimits()).grouped
