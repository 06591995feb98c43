"""Which of two upstreams lets more through, or gets more."""

from __future__ import annotations

import pytest

from gateway.core.secret import Secret
from tests.settings_compared import CHANGES, LOOSENS, TIGHTENS, Written, of_upstreams


def at(*urls: str) -> Written:
    return {"endpoints": [{"url": url} for url in urls]}


TRPC: Written = {"prefix": "/trpc"}

LOOSER = [
    ("endpoints", at("https://a.example"), at("https://a.example", "https://b.example")),
    ("endpoints", at("https://a.example"), at("http://a.example")),
    ("endpoints", at("https://a.example:8443"), at("http://a.example:8443")),
    ("timeouts.connect", {}, {"timeouts": {"connect": 3.0}}),
    ("timeouts.response", {}, {"timeouts": {"response": 20.0}}),
    ("timeouts.body", {}, {"timeouts": {"body": 90.0}}),
    ("timeouts.total", {"timeouts": {"total": 30.0}}, {}),
    ("trpc", {}, {"trpc": TRPC}),
    ("trpc.max_batch", {"trpc": TRPC}, {"trpc": {**TRPC, "max_batch": 11}}),
    ("trpc.aliases.auth.signin", {"trpc": TRPC}, {"trpc": {**TRPC, "aliases": {"auth.signin": "auth.login"}}}),
    ("request_headers.pass", {}, {"request_headers": {"pass": ["x-app-flags"]}}),
    (
        "request_headers.pass",
        {"request_headers": {"pass": ["x-app-flags"]}},
        {"request_headers": {"pass": ["x-app-*"]}},
    ),
    ("request_headers.remove", {"request_headers": {"remove": ["cookie"]}}, {}),
    ("paths.case", {}, {"paths": {"case": "same"}}),
    ("paths.slash", {}, {"paths": {"slash": "same"}}),
    ("paths.suffix", {}, {"paths": {"suffix": "same"}}),
    ("retries", {}, {"retries": {}}),
    ("retries.attempts", {"retries": {}}, {"retries": {"attempts": 3}}),
    ("retries.on", {"retries": {"on": ["connect"]}}, {"retries": {"on": ["connect", 502]}}),
    ("retries.budget", {"retries": {}}, {"retries": {"budget": 0.5}}),
    ("retries.min_per_second", {"retries": {}}, {"retries": {"min_per_second": 9}}),
    ("hedge", {}, {"hedge": {}}),
    ("hedge.after", {"hedge": {}}, {"hedge": {"after": "p50"}}),
    ("hedge.after", {"hedge": {"after": 2.0}}, {"hedge": {"after": 1.0}}),
    ("hedge.budget", {"hedge": {}}, {"hedge": {"budget": 0.5}}),
    ("concurrency", {"concurrency": {"limit": 10}}, {}),
    ("concurrency.queue", {"concurrency": {"limit": 9}}, {"concurrency": {"limit": 9, "queue": 60}}),
    ("concurrency.wait", {"concurrency": {"limit": 9}}, {"concurrency": {"limit": 9, "wait": 2.0}}),
    ("concurrency.per_client", {"concurrency": {"limit": 9}}, {"concurrency": {"limit": 9, "per_client": 9}}),
    ("max_connections", {}, {"max_connections": 2000}),
]

EITHER_WAY = [
    ("endpoints", at("https://a.example"), at("https://b.example")),
    ("endpoints", at("https://a.example"), at("http://a.example:8080")),
    ("trpc.prefix", {"trpc": TRPC}, {"trpc": {"prefix": "/api"}}),
    ("trpc.transformer", {"trpc": TRPC}, {"trpc": {**TRPC, "transformer": "none"}}),
    (
        "trpc.aliases.a.b",
        {"trpc": {**TRPC, "aliases": {"a.b": "c.d"}}},
        {"trpc": {**TRPC, "aliases": {"a.b": "e.f"}}},
    ),
    ("request_headers.set.authorization", {}, {"request_headers": {"set": {"authorization": "Bearer k"}}}),
    ("retries.attempt_timeout", {"retries": {"attempt_timeout": 1.0}}, {"retries": {"attempt_timeout": 2.0}}),
    ("hedge.after", {"hedge": {"after": "p95"}}, {"hedge": {"after": 1.0}}),
]

NEITHER = [
    ("resolve", {}, {"resolve": 30.0}),
    ("spill_below", {}, {"spill_below": 0.3}),
    ("health_check", {}, {"health_check": {"path": "/health"}}),
    ("ejection", {}, {"ejection": {}}),
    ("ejection.failures", {"ejection": {}}, {"ejection": {"failures": 9}}),
    ("required", {}, {"required": True}),
    ("timeouts.idle", {}, {"timeouts": {"idle": 3.0}}),
    ("retries.backoff", {"retries": {}}, {"retries": {"backoff": 0.1}}),
    ("endpoints.0.weight", at("http://a"), {"endpoints": [{"url": "http://a", "weight": 2}]}),
]


@pytest.mark.parametrize(("setting", "strict", "loose"), LOOSER)
def test_what_lets_more_through_loosens(setting: str, strict: Written, loose: Written) -> None:
    assert of_upstreams(strict, loose) == [(setting, LOOSENS)]
    assert of_upstreams(loose, strict) == [(setting, TIGHTENS)]


@pytest.mark.parametrize(("setting", "one", "other"), EITHER_WAY)
def test_what_nobody_can_be_sure_of_loosens_either_way(setting: str, one: Written, other: Written) -> None:
    assert of_upstreams(one, other) == of_upstreams(other, one) == [(setting, LOOSENS)]


@pytest.mark.parametrize(("setting", "one", "other"), NEITHER)
def test_which_server_gets_a_call_and_when_is_neither(setting: str, one: Written, other: Written) -> None:
    assert of_upstreams(one, other) == of_upstreams(other, one) == [(setting, CHANGES)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (at("http://a", "http://b"), at("http://b", "http://a")),
        (at("https://a", "http://b"), at("https://A:443/", "http://b:80")),
        ({}, {"paths": {}}),
        # passes to every upstream without being named
        ({}, {"request_headers": {"pass": ["x-session-id", "trpc-accept"]}}),
        ({"request_headers": {"pass": ["x-app-*"]}}, {"request_headers": {"pass": ["x-app-a", "x-app-*"]}}),
    ],
)
def test_the_same_in_other_words_is_no_change(one: Written, other: Written) -> None:
    assert of_upstreams(one, other) == of_upstreams(other, one) == []


def test_a_field_is_compared_by_where_its_value_comes_from() -> None:
    def bearer(key: str, variable: str) -> Written:
        written = f"Bearer ${{{variable}}}"
        return {"request_headers": {"set": {"authorization": Secret(f"Bearer {key}", written, written)}}}

    assert of_upstreams(bearer("a", "KEY"), bearer("b", "KEY")) == []
    assert of_upstreams(bearer("a", "KEY"), bearer("a", "OTHER")) == [("request_headers.set.authorization", LOOSENS)]


def test_what_limits_calls_at_once_gives_one_client_its_share() -> None:
    one, other = {"concurrency": {"limit": 8}}, {"concurrency": {"limit": 80}}
    assert of_upstreams(one, other) == [("concurrency.limit", LOOSENS), ("concurrency.per_client", LOOSENS)]
