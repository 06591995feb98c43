"""The routes of the egress listener, which takes calls of services on this machine only."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest

from gateway.core.exchange import Exchange
from gateway.core.pattern import compile_paths
from gateway.core.verdict import Refusal
from gateway.proxy.routing import egress
from gateway.proxy.routing.route import bind

ROUTE = replace(bind("service", []), methods=frozenset({"POST"}))
HERE = {b"host": b"127.0.0.1:8181"}


@pytest.mark.parametrize("host", [b"127.0.0.1:8181", b"localhost", b"[::1]:8181"])
def test_a_service_of_this_machine_is_no_stranger(host: bytes) -> None:
    assert egress.stranger({b"host": host}) is None


@pytest.mark.parametrize(
    ("fields", "slug"),
    [
        (HERE | {b"origin": b"https://a.example"}, "origin_refused"),
        (HERE | {b"origin": b"null"}, "origin_refused"),
        (HERE | {b"sec-fetch-site": b"none"}, "origin_refused"),
        ({b"host": b"a.example"}, "host_refused"),
        ({b"host": b"127.0.0.1.a.example"}, "host_refused"),
        ({}, "host_refused"),
    ],
)
def test_a_page_in_a_browser_and_another_host_are_refused(fields: dict[bytes, bytes], slug: str) -> None:
    refusal = egress.stranger(fields)
    assert refusal is not None and refusal.reason.slug == slug


@pytest.mark.parametrize(
    ("path", "method", "fields", "expected"),
    [
        ("/text", "POST", HERE, "service"),
        ("/text", "GET", HERE, "method_not_allowed"),
        ("/other", "POST", HERE, "no_route"),
        ("/other", "POST", HERE | {b"origin": b"null"}, "origin_refused"),  # who is a stranger learns no path
        ("/text", "POST", HERE | {b"origin": b"null"}, "origin_refused"),
    ],
)
def test_the_route_of_a_call(path: str, method: str, fields: dict[bytes, bytes], expected: str) -> None:
    served = egress.EgressRuntime(compile_paths([("/text", ROUTE)]), nullcontext())
    exchange = Exchange(method, path, fields, "127.0.0.1", 0.0)
    exchange.path = path
    found = served.routes.find(exchange, method)
    if found.fixed is None:
        assert found.name == expected
    else:
        assert isinstance(found.fixed, Refusal)
        assert (found.fixed.reason.slug, found.name) == (expected, "egress-unmatched")


def test_a_refused_method_names_those_that_are_allowed() -> None:
    served = egress.EgressRuntime(compile_paths([("/text", ROUTE)]), nullcontext())
    exchange = Exchange("GET", "/text", HERE, "127.0.0.1", 0.0)
    exchange.path = "/text"
    found = served.routes.find(exchange, "GET").fixed
    assert isinstance(found, Refusal) and found.headers == ((b"allow", b"POST"),)
