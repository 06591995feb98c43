"""What stands in for an upstream, in the shape its client reads."""

import json
from typing import Any

import pytest

from gateway.core.exchange import Call, Exchange
from gateway.core.reason import Refusal, Reply, refuse
from gateway.policy.fallback import Settings, build

MOCK = {"text": "", "language": None, "mock": True}


def stand_in(
    slug: str = "upstream_resting", shape: str = "problem", calls: int = 0, batch: bool = False, **more: Any
) -> tuple[Exchange, Any]:
    exchange = Exchange("POST", "/", {}, "192.0.2.1", 0.0)
    exchange.calls = [Call("chat.translate")] * calls
    exchange.query = "batch=1" if batch else ""
    fallback = build("stt-mock", Settings.model_validate({"json": MOCK, **more}))
    return exchange, fallback.stand_in(exchange, refuse(slug, "why", retry_after=42), shape)


@pytest.mark.parametrize("slug", ["upstream_resting", "upstream_unreachable", "upstream_timeout", "upstream_broken"])
def test_the_answer_is_marked_counted_and_not_cached(slug: str) -> None:
    exchange, reply = stand_in(slug)
    assert isinstance(reply, Reply)
    assert (reply.status, json.loads(reply.body)) == (200, MOCK)
    assert (b"x-gateway-fallback", b"stt-mock") in reply.headers
    assert (b"cache-control", b"no-store") in reply.headers
    assert not [name for name, _ in reply.headers if name == b"retry-after"]
    assert (exchange.fallback, exchange.reason, exchange.detail) == ("stt-mock", slug, "why")


@pytest.mark.parametrize("slug", ["rate_limited", "token_missing", "upstream_busy", "body_too_large", "draining"])
def test_what_is_not_the_upstreams_failure_stays_a_refusal(slug: str) -> None:
    exchange, verdict = stand_in(slug)
    assert isinstance(verdict, Refusal)
    assert (exchange.fallback, exchange.reason) == ("", "")


def test_an_error_says_when_to_come_back() -> None:
    _, reply = stand_in(status=503)
    assert (b"retry-after", b"42") in reply.headers


@pytest.mark.parametrize(
    ("shape", "calls", "batch", "body"),
    [
        ("superjson", 1, False, {"result": {"data": {"json": MOCK}}}),
        ("none", 1, False, {"result": {"data": MOCK}}),
        ("superjson", 1, True, [{"result": {"data": {"json": MOCK}}}]),
        ("none", 3, True, [{"result": {"data": MOCK}}] * 3),
    ],
)
def test_trpc_calls_get_results(shape: str, calls: int, batch: bool, body: Any) -> None:
    _, reply = stand_in(shape=shape, calls=calls, batch=batch)
    assert json.loads(reply.body) == body


def test_report_mode_notes_it_and_leaves_the_refusal() -> None:
    exchange, verdict = stand_in(mode="report")
    assert isinstance(verdict, Refusal)
    assert (exchange.fallback, exchange.reported) == ("", ["upstream_resting"])
