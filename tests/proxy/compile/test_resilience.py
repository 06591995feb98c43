"""What stands in front of an upstream, and what answers when it does not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.core.exchange import Exchange
from gateway.core.failure import CallFailure
from gateway.policy.breaker.breaker import Breaker, CheckedBreaker
from gateway.policy.concurrency import Concurrency
from gateway.proxy.pool.breaker_probe import BreakerProbe
from gateway.proxy.pool.health_check import HealthChecker
from gateway.proxy.routing.route import CompiledRoute
from tests.proxy.compile.building import Build

POLICIES = """\
breakers:
  quick: {failures: 1}
  watched: {failures: 1, mode: report}
  checked: {failures: 1, probe: health_check}
fallbacks:
  sorry: {json: {}}
  last: {stale: {for: 1h}}
  to-second: {upstream: second}
"""
SECOND = "  - {name: other, paths: [/other], upstream: second, auth: public}\n"
ROUTE = "routes:\n  - {name: any, paths: [/any], upstream: first, auth: public}\n"


def upstreams(first: str = "", second: str = "") -> str:
    return (
        "upstreams:\n"
        f'  first: {{endpoints: [{{url: "http://127.0.0.1:1"}}]{first}}}\n'
        f'  second: {{endpoints: [{{url: "http://127.0.0.1:2"}}]{second}}}\n{ROUTE}'
    )


def last(route: CompiledRoute, count: int) -> list[type]:
    """The classes of the last ``count`` stages that decide."""
    hooks: list[Any] = [hook for hook, _ in route.request_hooks[0]]
    return [type(hook.__self__) for hook in hooks[-count:]]


async def test_a_call_waits_before_the_breaker_judges(build: Build) -> None:
    runtime = build(upstreams(", breaker: quick, concurrency: {limit: 1}"), POLICIES)
    assert last(runtime.compiled[0], 2) == [Concurrency, Breaker]


async def test_an_upstream_without_them_has_none(build: Build) -> None:
    runtime = build(upstreams(second=", breaker: quick, concurrency: {limit: 1}"), POLICIES)
    assert not {Concurrency, Breaker} & set(last(runtime.compiled[0], 9))
    assert (set(runtime.breakers), set(runtime.concurrency)) == ({"second"}, {"second"})


def fail(breaker: Breaker) -> None:
    """One call that finds the upstream broken."""
    exchange = Exchange("GET", "/any", {}, "192.0.2.1", 0.0)
    assert breaker.on_request(exchange) is None
    exchange.reason, exchange.failure = "upstream_broken", CallFailure.BROKEN
    breaker.on_done(exchange)


def enter(stage: Concurrency) -> object:
    return stage.on_request(Exchange("GET", "/any", {}, "192.0.2.1", 0.0))


async def test_two_upstreams_with_one_breaker_have_a_circuit_each(build: Build) -> None:
    runtime = build(upstreams(", breaker: quick", ", breaker: quick"), POLICIES)
    fail(runtime.breakers["first"])
    assert [runtime.breakers[name].circuit().state for name in ("first", "second")] == ["open", "closed"]


@pytest.mark.parametrize(("breaker", "waits"), [("quick", False), ("watched", True)])
async def test_nobody_waits_for_an_upstream_whose_breaker_refuses(build: Build, breaker: str, waits: bool) -> None:
    runtime = build(upstreams(f", breaker: {breaker}, concurrency: {{limit: 1}}"), POLICIES)
    fail(runtime.breakers["first"])
    assert enter(runtime.concurrency["first"]) is None
    second = enter(runtime.concurrency["first"])
    assert isinstance(second, asyncio.Future) is waits
    if isinstance(second, asyncio.Future):
        second.cancel()


async def test_a_breaker_that_health_checks_try_is_tried_by_them(build: Build) -> None:
    runtime = build(upstreams(", breaker: checked, health_check: {path: /health}"), POLICIES)
    (checker,) = runtime.background["first"]
    assert isinstance(runtime.breakers["first"], CheckedBreaker)
    assert isinstance(checker, HealthChecker)
    assert isinstance(getattr(checker.check_with, "__self__", None), BreakerProbe)


async def test_health_checks_try_an_upstream_that_nobody_calls_whatever_its_breaker_says(build: Build) -> None:
    runtime = build(upstreams(", breaker: quick, health_check: {path: /health}"), POLICIES)
    (checker,) = runtime.background["first"]
    assert not isinstance(runtime.breakers["first"], CheckedBreaker), "users' calls try it too"
    assert isinstance(checker, HealthChecker)
    assert isinstance(getattr(checker.check_with, "__self__", None), BreakerProbe)


async def test_without_a_breaker_a_health_check_is_only_that(build: Build) -> None:
    runtime = build(upstreams(", health_check: {path: /health}"), POLICIES)
    (checker,) = runtime.background["first"]
    assert isinstance(checker, HealthChecker)
    assert not isinstance(getattr(checker.check_with, "__self__", None), BreakerProbe)


@pytest.mark.parametrize(
    ("fallback", "stores"), [("sorry", False), ("last", True), ("to-second", False), ("[last, sorry]", True)]
)
async def test_a_route_shows_its_whole_responses_only_to_a_fallback_that_stores_them(
    build: Build, fallback: str, stores: bool
) -> None:
    runtime = build(upstreams(f", fallback: {fallback}"), POLICIES)
    route = runtime.compiled[0]
    assert route.fallback is not None
    assert route.upstream is runtime.upstreams["first"]
    assert (bool(route.whole_hooks), route.collects) == (stores, False)


async def test_upstreams_that_name_one_fallback_share_what_it_stores(build: Build) -> None:
    runtime = build(upstreams(", fallback: last", ", fallback: last") + SECOND, POLICIES)
    hooks: list[Any] = [hook for route in runtime.compiled for hook in route.whole_hooks]
    first, second = (hook.func.__self__.memory for hook in hooks)
    assert first is second
