"""A request that is read by its difference from the one before is the request as the parser reads it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.exchange import Exchange
from gateway.core.reason import Refusal
from gateway.proxy.admit import Head
from gateway.proxy.inbound import Inbound
from gateway.proxy.reader import RequestReader
from gateway.proxy.repeat import Template
from gateway.proxy.upstream import Upstream

NOWHERE: Any = SimpleNamespace(endpoints=[])  # nothing is sent
LOOP: Any = SimpleNamespace(time=lambda: 1.0)

LINES = [
    b"Host: a.example",
    b"host: b.example",
    b"Authorization: Bearer one.two.three",
    b"authorization: Bearer four",
    b"Content-Length: 2",
    b"content-length: 0",
    b"X-Correlation-Id: request-0001",
    b"x-request-id: 12345678",
    b"traceparent: 00-1",
    b"Origin: https://a.example",
    b"Connection: keep-alive",
    b"Connection: close",
    b"Connection: traceparent",
    b"Expect: 100-continue",
    b"Transfer-Encoding: chunked",
    b"Upgrade: h2c",
    b"X_Odd: 1",
    b"Accept:*/*",
    b"X-User-Id: 7",
]
VALUES = [b"1", b"2", b"02", b"+2", b"2, 2", b"", b"Bearer x", b"a\tb", b"a\x00b", b"a\rb", b"a ", b"\xff", b"a, b"]
STARTS = [b"GET /a HTTP/1.1", b"POST /a?b=c HTTP/1.1", b"HEAD / HTTP/1.1", b"GET /a HTTP/1.0", b"GET  /a HTTP/1.1"]
STARTS += [b"get /a HTTP/1.1", b"GET http://a.example/ HTTP/1.1", b"GET /\xe9 HTTP/1.1", b"OPTIONS * HTTP/1.1", b""]
BODIES = [b"", b"{}", b"{", b"{}GET /behind HTTP/1.1\r\nHost: a\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n"]


class Heard(RequestReader):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__(LOOP, 16_384)
        self.told: list[Inbound] = []
        self.refused: list[str] = []

    def begin(self, inbound: Inbound) -> None:
        self.told.append(inbound)

    def ended(self) -> None:
        """As ``whole`` says."""

    def unreadable(self, refusal: Refusal) -> None:
        self.refused.append(refusal.reason.slug)

    def write(self, data: bytes) -> None:
        raise AssertionError("nobody asks for the body")


def meaning(inbound: Inbound, upstream: Upstream) -> tuple[Any, ...]:
    """All that is read of a request, and what the upstream gets of its head."""
    head = inbound.head or Head(inbound)
    exchange = Exchange(inbound.method, inbound.target, head.fields, "192.0.2.1", 0.0)
    exchange.head = head
    sent = upstream.head(exchange, b"") if head.refusal is None else b""
    body = inbound.body
    carried = body and (body.whole(), body.arrived, body.complete)
    refusal = head.refusal and (head.refusal.reason.slug, head.refusal.detail)
    asked = inbound.method, inbound.target, inbound.version, inbound.persistent, inbound.upgrade, inbound.whole
    return *asked, head.fields, refusal, head.malformed, sent, carried


def after(first: bytes, second: bytes) -> tuple[Heard, bool]:
    """Who has heard ``second`` behind ``first`` on one connection, and whether the parser was spared."""
    reader = Heard()
    reader.data_received(first)
    inbound = reader.inbound
    assert inbound is not None
    head = Head(inbound)
    upstream = Upstream("tutor", NOWHERE)
    exchange = Exchange(inbound.method, inbound.target, head.fields, "192.0.2.1", 0.0)
    exchange.head = head
    if head.refusal is None:
        upstream.head(exchange, b"")
    reader.template = Template.of(inbound, head)
    reader.inbound = None
    reader.told.clear()
    reader.data_received(second)
    return reader, reader.inbound is not None and reader.inbound.head is not None


def written(start: bytes, lines: list[bytes], body: bytes) -> bytes:
    return b"\r\n".join([start, *lines, b"", b""]) + body


honest = st.lists(st.sampled_from(LINES[2:10]), max_size=5, unique=True).map(lambda more: [LINES[0], *more])
anything = st.lists(st.sampled_from(LINES), max_size=7)
edits = st.lists(
    st.tuples(st.sampled_from(["value", "drop", "double", "swap"]), st.integers(0, 6), st.sampled_from(VALUES)),
    max_size=3,
)
splices = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b":", b"\x00", b"x"])), max_size=1
)


def edited(lines: list[bytes], changes: list[tuple[str, int, bytes]]) -> list[bytes]:
    lines = list(lines)
    for what, at, value in changes:
        if at >= len(lines):
            continue
        if what == "value":
            lines[at] = lines[at].partition(b":")[0] + b": " + value
        elif what == "drop":
            del lines[at]
        elif what == "double":
            lines.append(lines[at])
        else:
            lines[at], lines[0] = lines[0], lines[at]
    return lines


@given(honest | anything, st.sampled_from(STARTS[:3]), st.sampled_from(BODIES[:2]), st.data())
def test_what_was_before_makes_no_difference(
    lines: list[bytes], start: bytes, body: bytes, data: st.DataObject
) -> None:
    first = written(start, lines, body)
    alone = Heard()
    alone.data_received(first)
    if alone.refused or alone.inbound is None or not alone.inbound.whole or alone.ahead or alone.deaf:
        return
    if not alone.inbound.persistent:
        return
    second = written(
        data.draw(st.sampled_from(STARTS)), edited(lines, data.draw(edits)), data.draw(st.sampled_from(BODIES))
    )
    for at, what in data.draw(splices):
        second = second[:at] + what + second[at:]
    fresh = Heard()
    fresh.data_received(second)
    repeated, _ = after(first, second)
    upstream = Upstream("tutor", NOWHERE)
    assert repeated.refused == fresh.refused
    assert [meaning(one, upstream) for one in repeated.told] == [meaning(one, upstream) for one in fresh.told]
    assert len(repeated.ahead) == len(fresh.ahead)


FIRST = written(STARTS[0], [b"Host: a.example", b"Authorization: Bearer one", b"x-request-id: 12345678"], b"")
MUTATION = written(STARTS[1], [b"Host: a.example", b"Content-Length: 2"], b"{}")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (FIRST, FIRST),
        (FIRST, FIRST.replace(b"/a", b"/other?x=%20")),
        (FIRST, FIRST.replace(b"one", b"two").replace(b"12345678", b"87654321")),
        (MUTATION, MUTATION.replace(b"th: 2", b"th: 4") + b"{}"),
    ],
)
def test_what_clients_repeat_needs_no_parser(first: bytes, second: bytes) -> None:
    assert after(first, second)[1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (FIRST, FIRST.replace(b"Host: a", b"Host: b")),
        (FIRST, FIRST + b"x"),
        (FIRST, FIRST + FIRST),
        (FIRST, FIRST[:-1]),
        (FIRST, FIRST.replace(b"Authorization: Bearer one", b"x-request-id: 87654321")),
        (FIRST, FIRST.replace(b"Authorization: Bearer one", b"x-request-id: 87654321").replace(b"12345678", b"1")),
        (FIRST, FIRST.replace(b"Authorization: Bearer one\r\n", b"")),
        (FIRST, FIRST.replace(b"x-request-id: 12345678", b"Authorization: Bearer one")),
        (FIRST, FIRST.replace(b"one", b"one\nx: y")),
        (FIRST, FIRST.replace(b"one", b"one\r\nx: y")),
        (FIRST, FIRST.replace(b"Authorization", b"authorization")),
        (MUTATION, MUTATION + b"x"),
        (MUTATION, MUTATION[:-1]),
        (MUTATION, MUTATION.replace(b"th: 2", b"th: 02")),
        (MUTATION, MUTATION.replace(b"th: 2", b"th: 2 ")),
    ],
)
def test_whatever_else_differs_is_for_the_parser(first: bytes, second: bytes) -> None:
    assert not after(first, second)[1]


def test_another_token_on_the_same_connection_is_another_user() -> None:
    reader, spared = after(FIRST, FIRST.replace(b"one", b"two"))
    assert spared and reader.inbound is not None and reader.inbound.head is not None
    assert reader.inbound.head.fields[b"authorization"] == b"Bearer two"
    sent = meaning(reader.inbound, Upstream("tutor", NOWHERE))[-2]
    assert b"Bearer two\r\n" in sent and b"one" not in sent


async def test_a_body_that_comes_with_its_head_is_there_at_once() -> None:
    reader, spared = after(MUTATION, MUTATION)
    assert spared and reader.inbound is not None and reader.inbound.body is not None
    assert await asyncio.wait_for(reader.inbound.body.read_all(), 1) == b"{}"
