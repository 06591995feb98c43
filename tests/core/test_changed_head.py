"""Fields that a stage takes out of a request: gone for the stages behind it and for the upstream, and for no other request."""

from __future__ import annotations

from gateway.core.changed_head import ChangedHead, take_out
from gateway.core.exchange import Exchange

RAW = ((b"Host", b"a"), (b"Content-Encoding", b"gzip"), (b"Accept", b"a"), (b"accept", b"b"))


def test_fields_are_taken_out_of_this_request_alone() -> None:
    fields = {b"host": b"a", b"content-encoding": b"gzip", b"accept": b"a, b"}
    exchange = Exchange("POST", "/", fields, "192.0.2.1", 0.0)
    before = exchange.head = ChangedHead(RAW, "1.0")
    take_out(exchange, {b"content-encoding"})
    assert exchange.fields == {b"host": b"a", b"accept": b"a, b"}
    assert exchange.head is not None and exchange.head is not before
    assert (exchange.head.raw, exchange.head.version) == ((RAW[0], RAW[2], RAW[3]), "1.0")
    assert (before.raw, b"content-encoding" in fields) == (RAW, True)


def test_a_request_whose_head_is_gone() -> None:
    exchange = Exchange("POST", "/", {b"digest": b"x"}, "192.0.2.1", 0.0)
    take_out(exchange, {b"digest"})
    assert (exchange.fields, exchange.head) == ({}, None)
