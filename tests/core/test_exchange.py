"""The record of a request: what it says before anything is known, and what a second call takes over."""

from gateway.core.exchange import NO_ROUTE, Call, Exchange
from gateway.core.failure import CallFailure


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
