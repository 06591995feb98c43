"""The choice of an endpoint: weights, priorities, regions, and the less busy of two."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.proxy.pool.balancer import Balancer
from gateway.proxy.pool.endpoint import Endpoint


class Balanced:
    """Endpoints with a clock and random numbers of their own."""

    def __init__(self, *endpoints: Endpoint, seed: int = 1, region: str = "", spill_below: float = 0.5) -> None:
        self.now = 100.0
        self.endpoints = list(endpoints)
        for endpoint in endpoints:
            endpoint.clock = lambda: self.now
        self.balancer = Balancer(
            self.endpoints, Random(seed).random, lambda: self.now, region=region, spill_below=spill_below
        )

    def chosen(self, times: int = 200) -> set[int]:
        found = (self.balancer.choose() for _ in range(times))
        return {self.endpoints.index(endpoint) for endpoint in found if endpoint is not None}

    def fell(self, *indices: int) -> None:
        for index, endpoint in enumerate(self.endpoints):
            endpoint.checked_healthy = index not in indices
        self.balancer.changed()


def endpoint(weight: int = 1, priority: int = 0, region: str = "") -> Endpoint:
    return Endpoint("127.0.0.1", 1, None, weight=weight, priority=priority, region=region)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=2, max_size=6), st.integers(0, 2**32))
def test_equally_busy_endpoints_get_calls_by_weight(weights, seed):
    balanced = Balanced(*(endpoint(weight) for weight in weights), seed=seed)
    times = 2000
    counts = Counter(id(balanced.balancer.choose()) for _ in range(times))
    for each in balanced.endpoints:
        share = each.weight / sum(weights)
        assert abs(counts[id(each)] - times * share) <= 6 * (times * share * (1 - share)) ** 0.5 + 1, (
            "six standard deviations"
        )


@settings(deadline=None)
@given(st.lists(st.integers(1, 10), min_size=2, max_size=5), st.integers(0, 2**32))
def test_calls_that_stay_are_spread_by_weight(weights, seed):
    """300 calls of which none ends: no endpoint is far from its share, which drawing alone would not give."""
    balanced = Balanced(*(endpoint(weight) for weight in weights), seed=seed)
    for _ in range(300):
        chosen = balanced.balancer.choose()
        assert chosen is not None
        chosen.in_flight += 1
    for each in balanced.endpoints:
        share = 300 * each.weight / sum(weights)
        assert 0.5 * share - 3 <= each.in_flight <= 1.5 * share + 3


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=40),
    st.lists(st.integers(1, 1000), min_size=1, max_size=5),
)
def test_whatever_is_drawn_somebody_is_chosen_and_never_one_that_was_tried(drawn, weights):
    numbers = iter(drawn * 2)
    balanced = Balanced(*(endpoint(weight) for weight in weights))
    balance = Balancer(balanced.endpoints, lambda: next(numbers), lambda: 0.0)
    assert balance.choose() in balanced.endpoints
    tried = set(balanced.endpoints[1:])
    assert balance.choose(tried) is balanced.endpoints[0]
    assert balance.choose(set(balanced.endpoints)) is None


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(0, 2), st.sampled_from(["", "eu", "us"])), min_size=2, max_size=6
    ),
    st.lists(st.tuples(st.integers(0, 5), st.booleans() | st.floats(0.1, 30)) | st.floats(0, 20), max_size=40),
)
def test_whatever_happens_to_endpoints_a_healthy_one_is_chosen_while_there_is_one(made, steps):
    balanced = Balanced(*(endpoint(*each) for each in made), region="eu")
    for step in steps:
        if isinstance(step, float):
            balanced.now += step
        else:
            touched = balanced.endpoints[step[0] % len(made)]
            if isinstance(step[1], bool):
                touched.checked_healthy = step[1]
            else:
                touched.ejected_until = balanced.now + step[1]
            balanced.balancer.changed()
        healthy = [each for each in balanced.endpoints if each.healthy]
        chosen = balanced.balancer.choose()
        if not healthy:
            assert chosen is None
            continue
        assert chosen in healthy
        near = [each for each in healthy if each.priority == chosen.priority and each.region in ("", "eu")]
        assert chosen in near or not near, "another region only when none of the own is healthy"


def test_the_less_busy_of_two_is_chosen_by_weight():
    balanced = Balanced(endpoint(1), endpoint(10))
    balanced.endpoints[0].in_flight, balanced.endpoints[1].in_flight = 1, 9
    assert balanced.chosen() == {1}
    balanced.endpoints[1].in_flight = 11
    assert balanced.chosen() == {0}


def test_the_next_priority_joins_in_only_when_too_few_of_the_better_are_healthy():
    balanced = Balanced(endpoint(), endpoint(), endpoint(weight=2), endpoint(priority=1), endpoint(priority=2))
    assert balanced.chosen() == {0, 1, 2}
    balanced.fell(0, 1)
    assert balanced.chosen() == {2}, "half of the weight is enough"
    balanced.fell(2)
    assert balanced.chosen() == {0, 1}
    balanced.fell(1, 2)
    assert balanced.chosen() == {0, 3}
    balanced.fell(0, 1, 2)
    assert balanced.chosen() == {3}
    balanced.fell(0, 1, 2, 3)
    assert balanced.chosen() == {4}
    balanced.fell(0, 1, 2, 3, 4)
    assert balanced.balancer.choose() is None


def test_how_few_are_too_few_is_a_setting():
    balanced = Balanced(endpoint(), endpoint(), endpoint(), endpoint(priority=1), spill_below=1.0)
    balanced.fell(0)
    assert balanced.chosen() == {1, 2, 3}
    balanced = Balanced(endpoint(), endpoint(), endpoint(), endpoint(priority=1), spill_below=0.0)
    balanced.fell(0, 1)
    assert balanced.chosen() == {2}
    balanced.fell(0, 1, 2)
    assert balanced.chosen() == {3}


def test_the_own_region_comes_first_and_another_only_when_none_of_it_is_healthy():
    balanced = Balanced(endpoint(region="eu"), endpoint(region="eu"), endpoint(region="us"), endpoint(), region="eu")
    assert balanced.chosen() == {0, 1, 3}, "one without a region is at home everywhere"
    balanced.fell(0, 3)
    assert balanced.chosen() == {1}
    balanced.fell(0, 1, 3)
    assert balanced.chosen() == {2}
    assert Balanced(endpoint(region="eu"), endpoint(region="us")).chosen() == {0, 1}
    assert Balanced(endpoint(region="eu"), endpoint(region="us"), region="asia").chosen() == {0, 1}


def test_a_call_that_failed_elsewhere_goes_on_to_those_that_come_later():
    balanced = Balanced(endpoint(), endpoint(priority=1), endpoint(priority=2))
    first, second, third = balanced.endpoints
    assert balanced.balancer.choose({first}) is second
    assert balanced.balancer.choose({first, second}) is third
    balanced.fell(1)
    assert balanced.balancer.choose({first}) is third


def test_an_ejected_endpoint_is_chosen_again_when_its_time_is_over_by_itself():
    balanced = Balanced(endpoint(), endpoint())
    balanced.endpoints[0].ejected_until = 130.0
    balanced.balancer.changed()
    assert balanced.chosen() == {1}
    balanced.now = 129.9
    assert balanced.chosen() == {1}
    balanced.now = 130.0
    assert balanced.chosen() == {0, 1}


def test_one_that_comes_back_gets_one_call_at_a_time():
    balanced = Balanced(endpoint(weight=1000), endpoint(), endpoint())
    back = balanced.endpoints[0]
    back.on_probation = True
    assert 0 in balanced.chosen()
    back.in_flight = 1
    balanced.endpoints[1].in_flight = balanced.endpoints[2].in_flight = 50
    assert balanced.chosen() <= {1, 2}
    back.on_probation = False
    assert 0 in balanced.chosen()


def test_when_all_are_on_trial_somebody_still_gets_the_call():
    balanced = Balanced(endpoint(), endpoint())
    for each in balanced.endpoints:
        each.on_probation, each.in_flight = True, 1
    assert balanced.chosen() == {0, 1}


@pytest.mark.parametrize("count", [2, 5])
def test_two_choices_keep_the_longest_queue_short(count):
    """What the scheme is for: 1000 calls, of which a random one ends now and then, leave no queue far above the rest."""
    balanced = Balanced(*(endpoint() for _ in range(count)))
    random = Random(2)
    worst = 0
    for _ in range(1000):
        chosen = balanced.balancer.choose()
        assert chosen is not None
        chosen.in_flight += 1
        if random.random() < 0.5:
            busy = random.choice([each for each in balanced.endpoints if each.in_flight])
            busy.in_flight -= 1
        flights = [each.in_flight for each in balanced.endpoints]
        worst = max(worst, max(flights) - min(flights))
    assert worst <= 12
