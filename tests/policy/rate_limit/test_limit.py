"""One limit: the units that a request takes, from which buckets, and the refusal when they are not there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.exchange import Call, Exchange
from gateway.core.units import Rate
from gateway.policy.rate_limit.limit import SECTION, Limit, refusal, tightest, tightness
from gateway.state.rules.gcra import Taken

PASSED = Taken(True, 0.0, 4, 12.0)


def limit(*key: str, name: str = "per-client", burst: int = 5) -> Limit:
    return Limit(name, Rate(5, 60.0), burst, key or ("address",), 0, True)


def route(name: str, *limits: str) -> Any:
    return SimpleNamespace(name=name, named={SECTION: frozenset(limits)})


def exchange(*calls: Any, client: str = "192.0.2.1", principal: str = "") -> Exchange:
    made = Exchange("POST", "/", {}, client, 0.0)
    made.route = route("plain", "per-client")
    made.principal = principal
    made.calls = [Call("x", one) for one in calls]
    return made


def test_a_take_has_the_terms_of_the_limit() -> None:
    (take,) = Limit("paid", Rate(300, 60.0), 60, ("address",), 20, True).takes(exchange(), ())
    assert (take.cost, take.limit, take.period, take.burst, take.lease) == (1, 300, 60.0, 60, 20)


@pytest.mark.parametrize("key", ["address", "principal"])
def test_the_takes_of_a_client_are_made_once(key: str) -> None:
    one = limit(key)
    assert one.takes_of_one(exchange()) is one.takes_of_one(exchange())
    assert one.takes_of_one(exchange()) != one.takes_of_one(exchange(client="192.0.2.2"))


def test_a_principal_is_one_client_from_every_address() -> None:
    takes = {limit("principal").takes_of_one(exchange(principal="ada", client=f"192.0.2.{n}")) for n in range(3)}
    assert len(takes) == 1


def test_another_name_or_another_key_is_another_bucket() -> None:
    buckets = {
        made.takes(exchange(), ())[0].key
        for made in (limit(), limit(name="other"), limit("address", "route"), limit("route", "address"))
    }
    assert len(buckets) == 4


COVERED, OTHER, FREE = route("covered", "per-client"), route("other", "per-client"), route("free")


def test_a_batch_costs_the_calls_that_the_limit_covers() -> None:
    (take,) = limit().takes(exchange(COVERED, FREE, OTHER, COVERED), ())
    assert take.cost == 3


def test_a_batch_in_which_nothing_is_covered_costs_one() -> None:
    """It is refused for its calls, and must not be free of charge."""
    (take,) = limit().takes(exchange(FREE, FREE), ())
    assert take.cost == 1


def test_a_limit_by_route_has_a_bucket_for_each_route() -> None:
    takes = limit("route").takes(exchange(COVERED, OTHER, COVERED), ())
    assert [take.cost for take in takes] == [2, 1]


@given(st.lists(st.sampled_from(["ada", "ADA ", "bob", "eve"]), min_size=2, max_size=8))
def test_a_limit_by_input_charges_each_value_as_often_as_it_comes(names: list[str]) -> None:
    takes = limit("input:/name").takes(exchange(*[COVERED] * len(names)), [{"name": name} for name in names])
    folded = [name.strip().lower() for name in names]
    assert sorted(take.cost for take in takes) == sorted(folded.count(name) for name in set(folded))


def test_a_flood_meets_one_refusal() -> None:
    one = limit()
    refused = Taken(False, 11.2, 0, 60.0)
    assert one.refusal(refused) is one.refusal(refused._replace(retry_after=11.9))
    assert one.refusal(refused).retry_after == 12


def test_a_take_that_can_never_pass_gives_no_wait() -> None:
    never = limit().refusal(Taken(False, 0.0, 5, 0.0))
    assert (never.retry_after, never.reason.slug) == (0, "rate_limited")
    assert never.reason.sentence == "Too many calls at once. Please send fewer together."


def test_the_longest_wait_counts_and_all_limits_are_named() -> None:
    states = [(limit(name="a"), Taken(False, 3.0, 0, 9.0)), (limit(name="b"), Taken(False, 7.5, 0, 9.0))]
    both = refusal([*states, states[0]])
    assert (both.detail, both.retry_after) == ("a, b", 8)


def test_a_full_store_is_named() -> None:
    assert limit().refusal(Taken(False, 1.0, 0, 1.0, full=True)).detail == "per-client: the state store is full"


def test_of_several_buckets_of_a_limit_the_one_with_the_least_left_counts() -> None:
    one, other = limit(name="a"), limit(name="b")
    states = [(one, PASSED), (one, PASSED._replace(remaining=2)), (other, PASSED), (one, PASSED._replace(remaining=3))]
    assert tightest(states) == [(one, PASSED._replace(remaining=2)), (other, PASSED)]


def test_of_equal_limits_the_one_that_takes_longer_to_refill_is_the_tightest() -> None:
    one = limit()
    states = [(one, PASSED), (one, PASSED._replace(reset=720.0)), (one, PASSED._replace(remaining=3, reset=1.0))]
    assert [state[1].reset for state in sorted(states, key=tightness)] == [1.0, 720.0, 12.0]
