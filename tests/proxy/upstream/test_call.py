"""A call between its start and the response: what is sent later, and what becomes of one that nobody waits for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gateway.core.exchange import Exchange
from gateway.proxy.pool.response import ignore_informational
from gateway.proxy.upstream.call import UpstreamCall


def called() -> UpstreamCall:
    return UpstreamCall(Exchange("POST", "/a", {}, "192.0.2.1", 0.0), "/a", ignore_informational)


def test_an_abandoned_call_closes_its_connection_and_counts_no_more() -> None:
    call, closed = called(), []
    endpoint = SimpleNamespace(in_flight=1)
    connection: Any = SimpleNamespace(owner=SimpleNamespace(endpoint=endpoint), close=lambda: closed.append(True))
    call.connection = connection
    call.abandon()
    assert (endpoint.in_flight, closed) == (0, [True])
