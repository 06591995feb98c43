"""Stages decide in order, in one loop, whoever asks; and each that was entered is left once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from gateway.core.exchange import Exchange
from gateway.core.verdict import Verdict, refuse
from gateway.policy.base.stage import Stage
from gateway.proxy.flow.decide import BEFORE_LIMIT, LIMIT, Decision, decide, leave, settle
from gateway.proxy.routing.route import Built, bind

NO = refuse("token_missing")


class Noting(Stage):
    """Notes in ``exchange.reported`` when it is entered and left, and decides as it was made to."""

    def __init__(self, name: str, verdict: Verdict | Awaitable[Verdict] = None, grouped: bool = False) -> None:
        self.name = name
        self.verdict = verdict
        self.grouped = grouped

    def on_request(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        exchange.reported.append(refuse("route_denied", self.name))
        return self.verdict

    def on_done(self, exchange: Exchange) -> None:
        exchange.reported.append(refuse("route_denied", f"{self.name} left"))


def decision(*stages: Stage) -> Decision:
    exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
    return Decision(exchange, bind("route", [Built(stage) for stage in stages]))


def names(request: Decision) -> list[str]:
    """Of the stages that were entered and left."""
    return [noted.detail for noted in request.exchange.reported]


async def later(verdict: Verdict) -> Verdict:
    await asyncio.sleep(0)
    return verdict


def test_the_portions_are_what_comes_before_the_first_limit_and_that_limit() -> None:
    request = decision(Noting("a"), Noting("b"), Noting("limit", grouped=True), Noting("c", grouped=True))
    for portion, asked in ((BEFORE_LIMIT, ["a", "b"]), (LIMIT, ["limit"]), (None, ["c"]), (None, [])):
        request.exchange.reported.clear()
        decide(portion, request)
        assert names(request) == asked


def test_without_a_limit_all_stages_come_before_it() -> None:
    request = decision(Noting("a"), Noting("b"))
    decide(BEFORE_LIMIT, request)
    decide(LIMIT, request)
    decide(None, request)
    assert names(request) == ["a", "b"]


@pytest.mark.parametrize("portion", [BEFORE_LIMIT, None])
def test_no_stage_is_asked_after_the_first_verdict(portion: int | None) -> None:
    request = decision(Noting("a"), Noting("b", NO), Noting("c"))
    for _ in range(2):
        decide(portion, request)
        assert (request.verdict, names(request)) == (NO, ["a", "b"])


async def test_what_has_to_wait_is_waited_for_and_the_stages_behind_it_are_asked_then() -> None:
    request = decision(Noting("a", later(None)), Noting("b", later(None)), Noting("c", later(NO)), Noting("d"))
    assert await settle(request) is NO
    assert names(request) == ["a", "b", "c"]


async def test_a_request_that_no_stage_refuses_passes_and_has_entered_all_of_them() -> None:
    request = decision(Noting("a", later(None)), Stage())
    assert await settle(request) is None
    assert request.depth == 2


def test_the_stages_entered_are_left_once_and_the_last_one_first() -> None:
    request = decision(Noting("a"), Noting("b", NO), Noting("c"))
    decide(None, request)
    request.exchange.reported.clear()
    leave(request)
    leave(request)
    assert names(request) == ["b left", "a left"]


def test_a_stage_that_raises_was_entered_and_one_that_raises_while_it_is_left_is_not_left_again() -> None:
    class Raising(Noting):
        def on_request(self, exchange: Exchange) -> Verdict:
            raise ZeroDivisionError

        def on_done(self, exchange: Exchange) -> None:
            super().on_done(exchange)
            raise ZeroDivisionError

    request = decision(Noting("a"), Raising("b"))
    with pytest.raises(ZeroDivisionError):
        decide(None, request)
    with pytest.raises(ZeroDivisionError):
        leave(request)
    leave(request)
    assert names(request) == ["a", "b left"]
