"""Requests in flight of one address: bounded, and counted back whichever way they end."""

from __future__ import annotations

from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal
from gateway.policy.base.bucket import address_key
from gateway.policy.base.tools import Tools
from gateway.policy.in_flight import NETWORK, InFlight, build
from gateway.state.memory.store import MemoryStore

PROXIES = (ip_network("10.0.0.0/8"),)


def stage(limit: int = 2) -> InFlight:
    made = build(Tools(MemoryStore(), trusted_proxies=PROXIES, requests_of_address=limit))
    assert made is not None
    return made


def of(client: str) -> Exchange:
    exchange = Exchange("GET", "/", {}, client, 0.0)
    exchange.client = client
    return exchange


def test_without_the_key_there_is_no_stage() -> None:
    assert build(Tools(MemoryStore())) is None


def test_one_too_many_is_refused_and_may_come_when_another_is_done() -> None:
    limit = stage()
    first, second, third = of("192.0.2.1"), of("192.0.2.1"), of("192.0.2.1")
    assert limit.on_request(first) is None and limit.on_request(second) is None
    refused = limit.on_request(third)
    assert isinstance(refused, Refusal)
    assert (refused.reason.slug, refused.retry_after) == ("rate_limited", 1)
    assert refused.limits == (("per_address", "requests", "enforce"),)
    limit.on_done(third)  # of a stage that refused, which was entered too
    assert isinstance(limit.on_request(of("192.0.2.1")), Refusal)
    limit.on_done(first)
    assert limit.on_request(third) is None


def test_other_addresses_are_counted_apart_and_those_of_one_ipv6_client_together() -> None:
    limit = stage(1)
    assert limit.on_request(of("2001:db8::1")) is None
    assert isinstance(limit.on_request(of("2001:db8::ffff:2")), Refusal)
    assert limit.on_request(of("2001:db8:0:1::1")) is None


def test_the_addresses_of_one_ipv6_network_have_a_bound_together_and_those_of_ipv4_have_none() -> None:
    limit = stage(2)
    crowd = [of(f"2001:db8:0:{number:x}::1") for number in range(2 * NETWORK)]
    assert [limit.on_request(one) for one in crowd] == [None] * len(crowd)
    late = of("2001:db8:0:ffff::1")
    assert isinstance(limit.on_request(late), Refusal)
    limit.on_done(late)
    assert limit.on_request(of("2001:db8:1::1")) is None
    assert [limit.on_request(of(f"192.0.2.{number}")) for number in range(40)] == [None] * 40
    limit.on_done(crowd.pop())
    assert limit.on_request(late) is None
    for one in (*crowd, late):
        limit.on_done(one)
    assert limit.addresses == 2 + 40  # the other one of IPv6, and its network


def test_a_trusted_proxy_itself_has_no_bound() -> None:
    limit = stage(1)
    for _ in range(5):
        assert limit.on_request(of("10.1.2.3")) is None
    assert limit.addresses == 0


@given(st.lists(st.tuples(st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"]), st.booleans())))
def test_the_count_is_that_of_requests_that_are_not_done(steps: list[tuple[str, bool]]) -> None:
    limit = stage(3)
    open_requests: list[Exchange] = []
    for client, done in steps:
        if done and open_requests:
            limit.on_done(open_requests.pop(0))
            continue
        exchange = of(client)
        passed = limit.on_request(exchange) is None
        assert passed == (sum(each.client == client for each in open_requests) < 3)
        if passed:
            open_requests.append(exchange)
        else:
            limit.on_done(exchange)
    for exchange in open_requests:
        limit.on_done(exchange)
    assert limit.addresses == 0


def test_who_has_most_in_flight() -> None:
    limit = stage(9)
    for client in ["192.0.2.1", *["2001:db8::1", "2001:db8::2"] * 2, *["192.0.2.2"] * 3]:
        assert limit.on_request(of(client)) is None
    assert (limit.limit, limit.taken) == (9, 8)
    held = [(address_key("2001:db8::1"), 4), (address_key("192.0.2.2"), 3), (address_key("192.0.2.1"), 1)]
    assert limit.held_by(9) == held, "the network of an IPv6 client is not one"
    assert limit.held_by(1) == held[:1]
