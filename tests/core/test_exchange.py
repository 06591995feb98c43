"""The record of a request: what it says before anything is known, and what a second call takes over."""

import asyncio

import pytest

from gateway.core.exchange import NO_ROUTE, Call, Exchange, read_to_end
from gateway.core.failure import CallFailure
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.message.body import RequestBody


def made() -> Exchange:
    return Exchange("GET", "/a%20b", {b"host": b"gateway"}, "192.0.2.1", 1.5)


def test_before_anything_is_known() -> None:
    exchange = made()
    assert (exchange.method, exchange.target, exchange.fields) == ("GET", "/a%20b", {b"host": b"gateway"})
    assert exchange.client == exchange.peer == "192.0.2.1", "until a policy knows better"
    assert exchange.route is NO_ROUTE and not exchange.route.name
    assert Call("lessons.getAll").route is NO_ROUTE


def test_two_requests_share_nothing() -> None:
    one, other = made(), made()
    for name in ("calls", "limits", "reported", "attempts", "response_headers"):
        getattr(one, name).append("x")
        assert getattr(other, name) == []


def test_a_second_call_has_the_request_and_nothing_of_the_first_call() -> None:
    first = made()
    first.id, first.body, first.principal = "an-id", b"{}", "ada"
    first.slot, first.reason, first.failure, first.status = 7, "upstream_timeout", next(iter(CallFailure)), 504
    first.endpoint, first.sent, first.upstream_time = "192.0.2.9:80", 2.0, 0.5
    second = first.for_second_call()
    assert (second.id, second.body, second.principal, second.fields) == ("an-id", b"{}", "ada", first.fields)
    assert (second.slot, second.reason, second.failure, second.status) == (None, "", None, 0)
    assert (second.endpoint, second.sent, second.upstream_time) == ("", 0.0, 0.0)
    assert (first.slot, first.reason, first.status) == (7, "upstream_timeout", 504)


_REFUSED = refuse("body_timeout")


class Pieces(RequestBody):
    """A content of which each ``read`` gives one piece."""

    def __init__(self, *pieces: bytes | Refusal) -> None:
        self.pieces = list(pieces)

    async def read(self) -> bytes | Refusal:
        return self.pieces.pop(0)


@pytest.mark.parametrize(
    ("pieces", "read"),
    [
        ((b"",), b""),
        ((b"ab", b"c", b"", b"of the next"), b"abc"),
        ((b"ab", _REFUSED, b"c"), _REFUSED),
    ],
)
def test_a_content_is_read_to_its_end_or_to_its_refusal(
    pieces: tuple[bytes | Refusal, ...], read: bytes | Refusal
) -> None:
    assert asyncio.run(read_to_end(Pieces(*pieces))) == read
