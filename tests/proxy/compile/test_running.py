"""What a reload takes over: what would be made of the same, and nothing that would not."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.exchange import Exchange
from gateway.policy.base.tools import Tools
from gateway.proxy.compile.runtime import Runtime
from gateway.proxy.pool.breaker_probe import BreakerProbe
from gateway.proxy.pool.health_check import HealthChecker
from gateway.state.memory.store import MemoryStore
from tests.eventually import eventually
from tests.gateway_fixture import written
from tests.proxy.compile.building import HEAD

ENTRY = """\
upstreams:
  first:
    endpoints: [{url: "http://127.0.0.1:1"}, {url: "http://127.0.0.1:2"}]
    health_check: {path: /health, interval: 1h}
    ejection: {failures: 2}
    retries: {attempts: 2}
    concurrency: {limit: 2, queue: 5, per_client: 1}
    breaker: quick
    fallback: last
    trpc: {prefix: /api}
  second: {endpoints: [{url: "http://127.0.0.1:3"}]}
routes:
  - {name: any, paths: [/any], upstream: first, auth: tokens, rate_limits: [few]}
  - {name: other, paths: [/other], upstream: second, auth: tokens}
"""
POLICIES = """\
auth: {tokens: {kind: jwt, algorithms: [HS256], secret: uG7qZ1xV0pTnB4cYwK9hRr2sLd8fMe6a, require: {admin: 1}}}
rate_limits: {few: {limit: 5/1m, burst: 5, key: [principal]}}
breakers: {quick: {failures: 1}}
fallbacks: {last: {stale: {for: 1h}}}
"""

Rebuild = Callable[..., Runtime]


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Rebuild]:
    """Compiles ``ENTRY`` and ``POLICIES``, with each key of what is replaced replaced, after the runtime ``before``."""
    made: list[Runtime] = []
    tools = Tools(MemoryStore(), requests_of_address=7)

    def build(before: Runtime | None = None, changed: dict[str, str] | None = None, **more: object) -> Runtime:
        entry, policies = ENTRY, POLICIES
        for old, new in (changed or {}).items():
            assert old in entry + policies
            entry, policies = entry.replace(old, new), policies.replace(old, new)
        made.append(Runtime(written(tmp_path, HEAD + entry, policies, {}), replace(tools, **more), before))  # type: ignore[arg-type]  # some fields
        return made[-1]

    yield build
    for runtime in made:
        await runtime.close()


def jwt(runtime: Runtime) -> object:
    return runtime._stages.of_section("auth")["tokens"]


def parts(runtime: Runtime) -> dict[str, object]:
    """What a runtime remembers, by a name for it."""
    return {
        "first": runtime.upstreams["first"],
        "second": runtime.upstreams["second"],
        "breaker": runtime.breakers.get("first"),
        "permits": runtime.concurrency.get("first"),
        "tokens": jwt(runtime),
        "in_flight": runtime.in_flight,
        "stale": runtime._resilience._memories.get("last"),
    }


ALL = {"first", "second", "breaker", "permits", "tokens", "in_flight", "stale"}


@pytest.mark.parametrize(
    ("changed", "lost"),
    [
        ({}, set()),
        ({"paths: [/other]": "paths: [/another]"}, set()),
        ({"paths: [/any]": "paths: [/every]"}, {"stale"}),
        ({"127.0.0.1:3": "127.0.0.1:4"}, {"second"}),
        ({"127.0.0.1:2": "127.0.0.1:4"}, {"first", "stale"}),
        ({"interval: 1h": "interval: 2h"}, {"first", "stale"}),
        ({"attempts: 2": "attempts: 3"}, {"first", "stale"}),
        ({"ejection: {failures: 2}": "ejection: {failures: 3}"}, {"first", "stale"}),
        ({"limit: 2,": "limit: 3,"}, {"permits"}),
        ({"failures: 1}}": "failures: 2}}"}, {"breaker"}),
        ({"prefix: /api": "prefix: /api/trpc"}, {"stale"}),
        ({"uG7qZ1xV0pTnB4cYwK9hRr2sLd8fMe6a": "a6eMf8dLs2rRh9KwYc4BnTp0Vx1Zq7Gu"}, {"tokens", "stale"}),
        ({"algorithms: [HS256]": "algorithms: [HS256], leeway: 1s"}, {"tokens", "stale"}),
        ({"admin: 1": "admin: true"}, {"tokens", "stale"}),
        ({"per_client: 1}": "per_client: 100%}"}, {"permits"}),
        ({"{for: 1h}": "{for: 2h}"}, {"stale"}),
        ({"5/1m": "6/1m"}, set()),
        ({"upstreams:\n": "listen: {via: other}\nupstreams:\n"}, {"first", "second", "stale"}),
        ({"upstreams:\n": "listen: {limits: {header_bytes: 8KiB}}\nupstreams:\n"}, {"first", "second", "stale"}),
        ({"upstreams:\n": "region: eu\nupstreams:\n"}, {"first", "second", "stale"}),
    ],
)
async def test_a_change_loses_what_depends_on_it_and_nothing_else(
    build: Rebuild, changed: dict[str, str], lost: set[str]
) -> None:
    before = build()
    after = build(before, changed)
    kept = {name for name, part in parts(before).items() if parts(after)[name] is part}
    assert ALL - kept == lost


async def test_proxies_that_are_trusted_decide_about_what_tells_clients_apart(build: Rebuild) -> None:
    before = build()
    after = build(before, trusted_proxies=("10.0.0.0/8",))
    kept = {name for name, part in parts(before).items() if parts(after)[name] is part}
    assert kept == {"first", "second", "breaker", "stale"}
    other = build(before, requests_of_address=8)
    kept = {name for name, part in parts(before).items() if parts(other)[name] is part}
    assert ALL - kept == {"in_flight"}, "their tokens and permits are as they were"


async def test_other_authorities_make_another_upstream_of_https_and_no_other_one(
    build: Rebuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authorities = tmp_path / "authorities.pem"
    authorities.write_text("one")
    paths = ssl.get_default_verify_paths()._replace(cafile=str(authorities))
    monkeypatch.setattr("gateway.proxy.compile.running.ssl.get_default_verify_paths", lambda: paths)
    changed = {"http://127.0.0.1:3": "https://127.0.0.1:3"}
    before = build(None, changed)
    assert build(before, changed).upstreams["second"] is before.upstreams["second"]
    authorities.write_text("another")
    after = build(before, changed)
    assert after.upstreams["second"] is not before.upstreams["second"]
    assert after.upstreams["first"] is before.upstreams["first"]


async def test_what_is_built_and_never_started_leaves_the_one_before_as_it_was(build: Rebuild) -> None:
    before = build()
    before.start()
    (checker,) = before.background["first"]
    assert isinstance(checker, HealthChecker) and isinstance(
        getattr(checker.check_with, "__self__", None), BreakerProbe
    )
    probe, tasks = checker.check_with, dict(checker._tasks)
    attempts = before.upstreams["first"].attempts
    assert attempts is not None
    single = attempts.single_while
    after = build(before, {"breaker: quick\n": "\n"})
    assert after.upstreams["first"] is before.upstreams["first"]
    assert (checker.check_with, attempts.single_while) == (probe, single)
    after.start()
    assert checker.check_with == checker.check, "there is no breaker any more whose tries it could make"
    assert not attempts.single_while()
    assert checker._tasks == tasks, "they go on, and none begins a second time"


async def test_what_was_taken_over_goes_on_when_the_one_before_is_closed_and_the_rest_ends(build: Rebuild) -> None:
    before = build()
    before.start()
    (checker,) = before.background["first"]
    assert isinstance(checker, HealthChecker)
    after = build(before, {"127.0.0.1:3": "127.0.0.1:4"})
    after.start()
    await before.close(after)
    assert before.upstreams["second"].pool.closed
    assert not after.upstreams["first"].pool.closed
    assert checker._tasks and not any(task.done() for task in checker._tasks.values())
    last = build(after, {"127.0.0.1:1": "127.0.0.1:5"})
    last.start()
    await after.close(last)
    await eventually(lambda: not checker._tasks)
    assert after.upstreams["first"].pool.closed


async def test_calls_under_way_keep_their_permits_and_a_breaker_that_is_new_is_followed(build: Rebuild) -> None:
    before = build()
    held = [Exchange("GET", "/any", {}, f"192.0.2.{n}", 0.0) for n in range(2)]
    permits = before.concurrency["first"]
    assert [permits.on_request(exchange) for exchange in held] == [None, None]
    after = build(before, {"failures: 1}}": "failures: 3}}"})
    after.start()
    assert after.concurrency["first"] is permits and permits.taken == 2
    assert after.breakers["first"] is not before.breakers["first"]
    assert permits._breaker_open() is False
    after.breakers["first"]._store.force(b"first", "open", 0.0)
    assert permits._breaker_open() is True
    for exchange in held:
        permits.on_done(exchange)
    assert permits.taken == 0


async def test_no_runtime_keeps_the_ones_before_it(build: Rebuild) -> None:
    first = build()
    last = build(build(first, {"5/1m": "6/1m"}), {"5/1m": "7/1m"})
    assert last._stages._before is None and last._resilience._before is None
