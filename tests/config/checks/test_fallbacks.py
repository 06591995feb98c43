"""Fallbacks exist, are reached, and lead over one hop to an upstream of the same kind, never in a circle."""

import pytest

from tests.config.problems import Problems

FALLBACKS = """
fallbacks:
  last: {stale: {for: 1h, max: 10MB}}
  mock: {json: {mock: true}}
  trial: {json: {mock: true}, mode: report}
  to-second: {upstream: second}
  to-third: {upstream: third}
  to-first: {upstream: first}
routes: []
"""


def entry(first: str, second: str = "", trpc: str = "") -> str:
    return (
        "upstreams:\n"
        f'  first: {{endpoints: [{{url: "http://127.0.0.1:1"}}], fallback: [{first}]}}\n'
        f'  second: {{endpoints: [{{url: "http://127.0.0.1:2"}}], fallback: [{second}]{trpc}}}\n'
        f'  third: {{endpoints: [{{url: "http://127.0.0.1:3"}}]}}{FALLBACKS}'
    )


@pytest.mark.parametrize("first", ["", "last", "last, to-second, mock", "trial, mock"])
def test_chains_that_work(problems_of: Problems, first: str) -> None:
    assert problems_of(entry(first)) == []


@pytest.mark.parametrize(
    ("first", "problem"),
    [
        ("gone", "upstreams.first.fallback[0] names gone, which is not in fallbacks"),
        ("last, last", "upstreams.first.fallback[1] lists last twice"),
        ("mock, last", "upstreams.first.fallback[1] is never reached: mock before it always has an answer"),
        ("to-second, to-third", "upstreams.first.fallback[1] leads to another upstream, as to-second does"),
        ("to-first", "upstreams.first.fallback[0] leads in a circle: first to first"),
    ],
)
def test_chains_that_do_not(problems_of: Problems, first: str, problem: str) -> None:
    assert problems_of(entry(first)) == [problem]


def test_a_circle_is_reported_at_every_upstream_in_it(problems_of: Problems) -> None:
    assert problems_of(entry("to-second", "to-first")) == [
        "upstreams.first.fallback[0] leads in a circle: first to second to first",
        "upstreams.second.fallback[0] leads in a circle: second to first to second",
    ]


def test_both_upstreams_speak_trpc_alike(problems_of: Problems) -> None:
    problem = "upstreams.first.fallback[0] leads to second, whose trpc is another one"
    assert problems_of(entry("to-second", trpc=", trpc: {prefix: /api}")) == [problem]


def test_a_breaker_and_the_target_of_a_fallback_exist(problems_of: Problems) -> None:
    text = entry("").replace("fallback: []}", "breaker: careful}", 1).replace("upstream: third", "upstream: fourth")
    assert problems_of(text) == [
        "upstreams.first.breaker names careful, which is not in breakers",
        "fallbacks.to-third.upstream names fourth, which is not in upstreams",
    ]
