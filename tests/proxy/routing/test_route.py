"""What binding makes of stages: only the hooks that a stage has, and each with the depth that it stands at."""

from __future__ import annotations

import pytest

from gateway.core.exchange import Exchange, WholeResponse
from gateway.core.verdict import Reply, Verdict, refuse
from gateway.policy.base.stage import Stage
from gateway.proxy.routing.route import Built, CompiledRoute, bind, with_verdict
from gateway.proxy.upstream.call import UpstreamCall


class Asks(Stage):
    def on_request(self, exchange: Exchange) -> Verdict:
        return None


class Takes(Asks):
    grouped = True
    removed = frozenset({b"ratelimit"})


class Refuses(Stage):
    def on_request(self, exchange: Exchange) -> Verdict:
        return refuse("route_denied")


class Writes(Stage):
    removed = frozenset({b"server"})

    def on_response(self, exchange: Exchange) -> None: ...


class Whole(Asks):
    def on_response(self, exchange: Exchange) -> None: ...

    collects = True

    def on_response_whole(self, exchange: Exchange, response: WholeResponse) -> None: ...

    def on_done(self, exchange: Exchange) -> None: ...


def bound(*stages: Stage) -> CompiledRoute:
    return bind("any", [Built(stage) for stage in stages])


def test_a_hook_that_a_stage_does_not_have_is_not_called() -> None:
    asks, writes = Asks(), Writes()
    route = bound(asks, writes)
    assert route.request_hooks[0] == ((asks.on_request, 1),)
    assert route.response_hooks == ((), (), (writes.on_response,))
    assert route.done_hooks == ((), (), ())
    assert (route.whole_hooks, route.collects) == ((), False)
    assert route.depth == 2


def test_the_stages_entered_are_left_in_reverse() -> None:
    first, second = Whole(), Whole()
    route = bound(first, Asks(), second)
    assert route.response_hooks[3] == (second.on_response, first.on_response)
    assert route.done_hooks[3] == (second.on_done, first.on_done)
    assert route.done_hooks[2] == (first.on_done,)
    assert route.whole_hooks == (first.on_response_whole, second.on_response_whole)
    assert route.collects and not bound(Asks()).collects


def test_the_first_limit_that_shares_a_transaction_divides_the_hooks() -> None:
    route = bound(Writes(), Asks(), Takes(), Takes())
    asks, limit, second = route.request_hooks[0]
    assert [depth for _, depth in (asks, limit, second)] == [2, 3, 4]
    assert route.portions == ((asks,), (limit,))


def test_the_hooks_still_to_be_asked_are_those_of_the_stages_not_entered() -> None:
    route = bound(Asks(), Writes(), Asks())
    first, last = route.request_hooks[0]
    assert route.request_hooks == ((first, last), (last,), (last,), ())


def test_without_such_a_limit_all_hooks_come_before() -> None:
    route = bound(Asks(), Asks())
    assert route.portions == (route.request_hooks[0], ())


def test_the_fields_that_stages_replace_are_dropped_from_the_response() -> None:
    assert bound(Writes(), Takes()).removed == {b"server", b"ratelimit"}


def test_a_stage_that_only_reports_refuses_nothing() -> None:
    exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
    route = bind("any", [Built(Refuses(), True)])
    assert route.request_hooks[0][0][0](exchange) is None
    assert [refusal.reason.slug for refusal in exchange.reported] == ["route_denied"]


def test_a_verdict_stands_in_for_an_upstream_and_leaves_the_route_as_it_is() -> None:
    route, reply = bound(Asks()), Reply(200, (), b"")
    assert with_verdict(route, reply).fixed is reply
    assert with_verdict(route, reply).request_hooks == route.request_hooks
    assert route.fixed is None


def test_a_rewritten_path_goes_out_in_place_of_the_one_asked_for() -> None:
    exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
    exchange.path = "/asked"
    assert bound().target(exchange) == "/asked"
    assert CompiledRoute("any", (), ((),), ((),), 0, 0, rewrite="/other").target(exchange) == "/other"


async def test_a_route_without_an_upstream_calls_none() -> None:
    exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
    call = UpstreamCall(exchange, "/", lambda status, pairs: None)
    upstream = bound().upstream
    with pytest.raises(RuntimeError, match="fixed verdict"):
        upstream.start(call)
    with pytest.raises(RuntimeError, match="fixed verdict"):
        upstream.take(call)
    with pytest.raises(RuntimeError, match="fixed verdict"):
        await upstream.response(call)
