"""``mode: report`` lets everything pass and notes what would have been refused."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, Reply, Verdict, by_limit, refuse
from gateway.policy.base.report import Decide, reporting


@pytest.fixture
def exchange() -> Exchange:
    return Exchange("GET", "/", {}, "192.0.2.1", 0.0)


def deciding(verdict: Verdict) -> Decide:
    return lambda exchange: verdict


def test_a_refusal_is_noted_and_lets_the_request_pass(exchange: Exchange) -> None:
    assert reporting(deciding(refuse("token_missing")))(exchange) is None
    assert reporting(deciding(refuse("rate_limited", "tight")))(exchange) is None
    assert exchange.reported == [refuse("token_missing"), refuse("rate_limited", "tight")]


def test_the_limits_that_would_have_refused_are_noted_as_such(exchange: Exchange) -> None:
    limits = (by_limit("rate_limits", "tight"), by_limit("rate_limits", "wide"))
    reporting(deciding(refuse("rate_limited", limits=limits)))(exchange)
    assert exchange.refused_by == (("rate_limits", "tight", "report"), ("rate_limits", "wide", "report"))


def test_what_is_no_refusal_stays(exchange: Exchange) -> None:
    reply = Reply(204, (), b"")
    assert reporting(deciding(None))(exchange) is None
    assert reporting(deciding(reply))(exchange) is reply
    assert exchange.reported == []


async def test_a_verdict_that_comes_later_is_noted_when_it_is_there(exchange: Exchange) -> None:
    coming: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    verdict = reporting(lambda exchange: coming)(exchange)
    assert inspect.isawaitable(verdict)
    coming.set_result(refuse("rate_limited"))
    assert await verdict is None
    assert exchange.reported == [refuse("rate_limited")]


async def test_a_coroutine_decides_as_well(exchange: Exchange) -> None:
    async def decide(exchange: Exchange) -> Refusal:
        return refuse("body_too_large")

    verdict = reporting(decide)(exchange)
    assert inspect.isawaitable(verdict)
    assert await verdict is None
    assert exchange.reported == [refuse("body_too_large")]
