"""A call between its start and the response: what is sent later, and what becomes of one that nobody waits for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gateway.core.exchange import Exchange
from gateway.proxy.pool.connection import ignore_informational
from gateway.proxy.upstream.call import UpstreamCall


def called(stream: Any = None) -> UpstreamCall:
    exchange = Exchange("POST", "/a", {}, "192.0.2.1", 0.0)
    exchange.stream = stream
    return UpstreamCall(exchange, "/a", ignore_informational)


def test_content_that_is_here_is_not_streamed() -> None:
    call, stream = called(object()), called().exchange.stream
    call.body = None
    assert call.streamed is call.exchange.stream
    call.body = b""
    assert call.streamed is None
    assert stream is None


def test_an_abandoned_call_closes_its_connection_and_counts_no_more() -> None:
    call, closed = called(), []
    endpoint = SimpleNamespace(in_flight=1)
    connection: Any = SimpleNamespace(owner=SimpleNamespace(endpoint=endpoint), close=lambda: closed.append(True))
    call.connection = connection
    call.abandon()
    assert (endpoint.in_flight, closed) == (0, [True])
