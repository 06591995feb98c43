"""A head that is read by its difference from the one before is the head as read by itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.exchange import Exchange
from gateway.core.fields import Pair
from gateway.proxy.message.head import RequestHead, read
from gateway.proxy.message.request import ReceivedRequest
from gateway.proxy.pool.response import ignore_informational
from gateway.proxy.upstream.attempt import UpstreamAttempt
from gateway.proxy.upstream.call import UpstreamCall

NAMES = [
    b"Host",
    b"host",
    b"Authorization",
    b"Content-Length",
    b"X-Correlation-Id",
    b"Origin",
    b"Connection",
    b"Expect",
]
NAMES += [b"traceparent", b"X-User-Id", b"Transfer-Encoding", b"Accept", b"x-request-id", b"X_Odd", b"bad name"]
NOWHERE: Any = SimpleNamespace(host_field=b"a.example")  # nothing is sent
HONEST = (b"Authorization", b"traceparent", b"Accept", b"x-request-id", b"Content-Length", b"Connection")
VALUES = [
    b"a.example",
    b"1",
    b"2",
    b"1, 2",
    b"keep-alive",
    b"traceparent",
    b"authorization",
    b"chunked",
    b"\x01",
    b"",
    b"b,c",
]

fields = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=7).map(tuple)
honest = fields.map(lambda more: ((b"Host", b"a.example"), *dict.fromkeys(pair for pair in more if pair[0] in HONEST)))


def message(raw: tuple[Pair, ...], minor: int = 1) -> ReceivedRequest:
    return ReceivedRequest("GET", "/", f"1.{minor}", raw, True, False)


def seen(head: RequestHead, attempt: UpstreamAttempt) -> tuple[Any, ...]:
    """All that is read of a head, and what the upstream gets."""
    exchange = Exchange("GET", "/", head.fields, "192.0.2.1", 0.0)
    exchange.head = head
    call = UpstreamCall(exchange, "/", ignore_informational)
    sent = attempt.compose(call, NOWHERE, None) if head.refusal is None else b""
    refusal = head.refusal and (head.refusal.reason.slug, head.refusal.detail)
    return head.fields, head.bytes, refusal, head.malformed, sent


@given(
    fields | honest, st.lists(st.tuples(st.integers(0, 6), st.sampled_from(VALUES)), max_size=3), fields, st.booleans()
)
def test_what_was_before_makes_no_difference(
    first: tuple[Pair, ...], edits: list[tuple[int, bytes]], other: tuple[Pair, ...], edited: bool
) -> None:
    attempt = UpstreamAttempt("tutor", NOWHERE, [(b"authorization", b"ours")] if len(first) % 2 else [])
    before = RequestHead(message(first))
    seen(before, attempt)
    then = list(first)
    for at, value in edits:
        if at < len(then):
            then[at] = (then[at][0], value)
    raw = tuple(then) if edited else other
    assert seen(read(message(raw), before), attempt) == seen(RequestHead(message(raw)), attempt)
    assert seen(before, attempt) == seen(RequestHead(message(first)), attempt)  # and it is left as it was


def test_the_same_fields_are_read_once() -> None:
    first = RequestHead(message(((b"Host", b"a.example"), (b"Accept", b"*/*"))))
    assert read(message(((b"Host", b"a.example"), (b"Accept", b"*/*"))), first) is first
    assert read(message(((b"Host", b"a.example"), (b"Accept", b"*/*")), minor=0), first) is not first


def test_another_token_on_the_same_connection_is_another_user() -> None:
    attempt = UpstreamAttempt("tutor", NOWHERE)
    first = RequestHead(message(((b"Host", b"a.example"), (b"Authorization", b"Bearer one"))))
    seen(first, attempt)
    second = read(message(((b"Host", b"a.example"), (b"Authorization", b"Bearer two"))), first)
    assert second.fields[b"authorization"] == b"Bearer two"
    sent = seen(second, attempt)[-1]
    assert b"authorization: Bearer two\r\n" in sent
    assert b"one" not in sent
