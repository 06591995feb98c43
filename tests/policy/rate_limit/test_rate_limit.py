"""Rate limits as a client meets them, with the clock moved by hand."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.core.exchange import Exchange
from gateway.policy.base.tools import Tools
from gateway.policy.rate_limit.rate_limit import RateLimit, Settings, When, build, when_of
from gateway.state.memory.store import MemoryStore
from tests.policy.added_fields import added_fields
from tests.policy.rate_limit.limited_route import ADA, NOON, LimitedRoute, limit, route

# The fields of a response


def test_every_response_carries_the_state_of_the_limit() -> None:
    limited = LimitedRoute(per_client=limit("300/minute", burst=60))
    assert limited.send().lines == [
        'ratelimit-policy: "per-client";q=300;w=60',
        'ratelimit: "per-client";r=59;t=1',
        "x-ratelimit-limit: 60",
        "x-ratelimit-remaining: 59",
        "x-ratelimit-reset: 1",
    ]
    limited.passes(30)
    assert limited.send().lines[1:] == [
        'ratelimit: "per-client";r=28;t=1',
        "x-ratelimit-limit: 60",
        "x-ratelimit-remaining: 28",
        "x-ratelimit-reset: 7",
    ]


def test_a_refusal_gives_the_wait_after_which_a_request_passes() -> None:
    limited = LimitedRoute(login_per_address=limit("5/minute"))
    assert limited.passes(5) == 5
    outcome = limited.send()
    assert outcome.refused == ("rate_limited", "login-per-address", 12)
    assert outcome.lines == [
        'ratelimit-policy: "login-per-address";q=5;w=60',
        'ratelimit: "login-per-address";r=0;t=12',
        "x-ratelimit-limit: 5",
        "x-ratelimit-remaining: 0",
        "x-ratelimit-reset: 60",
    ]
    limited.now += 11.5
    assert limited.send().refused[2] == 1
    limited.now += 0.5
    assert limited.send().refusal is None


def test_limits_of_all_stages_share_one_set_of_fields() -> None:
    limited = LimitedRoute(
        per_client=limit("300/minute", burst=60),
        per_user=limit("20/minute", "principal", burst=10),
        per_account=limit("5/minute", "input:/email"),
    )
    outcome = limited.login(ADA, principal="u1")
    assert outcome.lines == [
        'ratelimit-policy: "per-client";q=300;w=60, "per-user";q=20;w=60, "per-account";q=5;w=60',
        'ratelimit: "per-client";r=59;t=1, "per-user";r=9;t=3, "per-account";r=4;t=12',
        "x-ratelimit-limit: 5",
        "x-ratelimit-remaining: 4",
        "x-ratelimit-reset: 12",
    ]


def test_a_refusal_has_the_fields_of_the_limits_taken_so_far_only() -> None:
    limited = LimitedRoute(flood=limit("1/second"), per_user=limit("5/minute", "principal"))
    limited.send()
    assert limited.send().lines[0] == 'ratelimit-policy: "flood";q=1;w=1'


def test_of_equal_limits_the_slower_one_is_the_tightest() -> None:
    limited = LimitedRoute(quick=limit("5/second"), slow=limit("5/hour"))
    assert limited.send().lines[-1] == "x-ratelimit-reset: 720"


def test_a_window_is_whole_seconds() -> None:
    limited = LimitedRoute(quick=limit("10/100ms"))
    assert limited.send().lines[:2] == ['ratelimit-policy: "quick";q=10;w=1', 'ratelimit: "quick";r=9;t=1']


def test_a_name_is_quoted() -> None:
    tools = Tools(MemoryStore(), lambda: NOON)
    stage = build([('50% of "\\"', limit())], When.FLOOD, tools)
    assert stage is not None
    exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
    exchange.route = route("r")
    stage.on_request(exchange)
    stage.on_response(exchange)
    assert added_fields(exchange)[1] == (b"ratelimit", b'"50% of \\"\\\\\\"";r=4;t=12')


def test_the_fields_of_many_states_stay_right() -> None:
    limited = LimitedRoute(per_client=limit("10000/minute"))
    for _ in range(5000):
        limited.now += 0.0005
        outcome = limited.send()
    assert outcome.lines[3].startswith("x-ratelimit-remaining: 5")


def test_the_upstreams_own_fields_are_replaced() -> None:
    assert {b"ratelimit", b"ratelimit-policy", b"x-ratelimit-remaining"} < RateLimit.removed


# Which requests share a bucket


def test_by_address() -> None:
    limited = LimitedRoute(per_client=limit("5/minute"))
    assert limited.passes(9, client="192.0.2.1") == 5
    assert limited.passes(9, client="192.0.2.2") == 5
    assert limited.passes(9, client="::ffff:192.0.2.1") == 0
    assert limited.passes(9, client="2001:db8::1") == 5
    assert limited.passes(9, client="2001:db8::2") == 0


def test_by_principal_and_by_address_without_one() -> None:
    limited = LimitedRoute(per_user=limit("5/minute", "principal"))
    assert limited.passes(9, principal="ada", client="192.0.2.1") == 5
    assert limited.passes(9, principal="ada", client="192.0.2.2") == 0
    assert limited.passes(9, principal="bob", client="192.0.2.1") == 5
    assert limited.passes(9, client="192.0.2.1") == 5
    assert limited.passes(9, client="192.0.2.2") == 5


def test_by_route() -> None:
    limited = LimitedRoute(per_route=limit("5/minute", "route"))
    assert limited.passes(9, at=route("one")) == 5
    assert limited.passes(9, at=route("other")) == 5


def test_by_header() -> None:
    limited = LimitedRoute(per_device=limit("5/minute", "header:X-Device"))
    assert limited.passes(9, fields={b"x-device": b"phone"}) == 5
    assert limited.passes(9, fields={b"x-device": b"tablet"}) == 5
    assert limited.passes(9, fields={}) == 5
    assert limited.passes(9, fields={b"x-device": b""}) == 0


def test_several_keys_make_one_that_has_one_reading() -> None:
    limited = LimitedRoute(both=limit("5/minute", "header:a", "header:b"))
    assert limited.passes(9, fields={b"a": b"x", b"b": b"yz"}) == 5
    assert limited.passes(9, fields={b"a": b"xy", b"b": b"z"}) == 5
    assert limited.passes(9, fields={b"a": b"xyz"}) == 5


def test_limits_do_not_share_buckets() -> None:
    limited = LimitedRoute(one=limit("5/minute"), other=limit("7/minute"))
    assert limited.passes(9) == 5
    assert limited.send().refused == ("rate_limited", "one", 12)


def test_limits_are_charged_together_or_not_at_all() -> None:
    limited = LimitedRoute(wide=limit("60/minute"), narrow=limit("1/minute", "address", "route"))
    assert limited.passes(10) == 1
    assert 'ratelimit: "wide";r=59;t=1, "narrow";r=0;t=60' in limited.send().lines


# Modes, the order of stages and a full store


def test_a_limit_that_reports_is_taken_but_adds_no_fields() -> None:
    limited = LimitedRoute(per_client=limit("5/minute", mode="report"))
    assert limited.passes(9) == 5
    assert limited.send().lines == []


def test_a_limit_that_reports_beside_one_that_does_not() -> None:
    limited = LimitedRoute(per_client=limit("5/minute"), trial=limit("9/minute", mode="report"))
    assert limited.send().lines[0] == 'ratelimit-policy: "per-client";q=5;w=60'


def test_a_full_store_refuses_strangers_for_a_moment() -> None:
    limited = LimitedRoute(MemoryStore(capacity=1), per_client=limit("5/minute"))
    assert limited.send(client="192.0.2.1").refusal is None
    outcome = limited.send(client="192.0.2.2")
    assert outcome.refused == ("rate_limited", "per-client: the state store is full", 1)
    assert outcome.lines[1] == 'ratelimit: "per-client";r=0;t=1'
    assert limited.send(client="192.0.2.1").refusal is None


@pytest.mark.parametrize(
    ("key", "when"),
    [
        (["address"], When.FLOOD),
        (["address", "route", "header:x-device"], When.FLOOD),
        (["address", "principal"], When.AUTHENTICATED),
        (["input:/email"], When.INPUT),
        (["principal", "input:/email"], When.INPUT),
    ],
)
def test_a_limit_is_taken_when_its_key_is_first_known(key: list[str], when: When) -> None:
    settings = limit("5/minute", *key)
    assert when_of(settings) is when
    tools = Tools(MemoryStore(), lambda: NOON)
    assert [one for one in When if build([("it", settings)], one, tools) is not None] == [when]


# Settings


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({"key": ["account"]}, "is not available in this version: count by the field that names the account"),
        ({"key": ["ip"]}, "is not a key: write address, network, principal, route"),
        ({"key": ["header:"]}, "is not a key"),
        ({"key": ["header:two words"]}, "is not a key"),
        ({"key": ["input:email"]}, "is not a key"),
        ({"key": ["input:/a~2"]}, "is not a key"),
        ({"key": []}, "is empty: write at least one key"),
        ({"key": ["address", "address"]}, "names a key twice"),
        ({"key": ["header:A", "header:a"]}, "names a key twice"),
        ({"key": ["address"], "limit": "5"}, "is not a rate"),
        ({"key": ["address"], "burst": 0}, "greater than or equal to 1"),
        ({"key": ["address"], "burst": "7"}, "valid integer"),
        ({"key": ["address"], "limit": "2000000/second"}, "is faster than a million a second"),
        ({"key": ["address"], "limit": "1/day", "burst": 1000}, "takes more than a year to give a used-up burst back"),
        ({"key": ["address"], "bursts": 7}, "Extra inputs are not permitted"),
        ({}, "Field required"),
    ],
)
def test_wrong_settings_are_refused_with_a_sentence(written: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Settings.model_validate({"limit": "5/minute", **written})


def test_a_hostile_pointer_in_a_file_is_judged_at_once() -> None:
    with pytest.raises(ValidationError, match="is not a key"):
        limit("5/minute", "input:" + "/" * 5000 + "~")
