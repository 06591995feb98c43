"""Lockouts: what names an account, and whose failures count together."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.policy.lockout.login_route import NOON, LoginRoute, settings


@pytest.mark.parametrize(
    "spelling", ["ADA@example.com", " ada@example.com\t", "\uff41\uff44\uff41@example.com", "ada@EXAMPLE.com\ufeff"]
)
def test_all_spellings_are_one_account(spelling: str) -> None:
    route = LoginRoute()
    assert [route.login(spelling), route.login("ada@example.com"), route.login(spelling)] == [None] * 3
    assert route.login("ada@example.com") is not None


def test_an_input_with_two_readings_is_refused() -> None:
    exchange = LoginRoute().request("ada@x.y")
    exchange.body = b'{"json":{"email":"a@x.y","email":"b@x.y"}}'
    refused = LoginRoute().decide(exchange)
    assert refused is not None and refused.reason.slug == "body_malformed"


def test_with_the_address_in_the_scope_others_still_get_in() -> None:
    route = LoginRoute(scope="account+address")
    assert route.guesses_left(client="192.0.2.1") == 3
    assert route.login("ada@example.com", client="192.0.2.2", status=200) is None
    assert route.guesses_left(client="192.0.2.1") == 0
    assert [lock.kind for lock in route.store.locks(NOON, 10)] == ["pair"]


WIDE = {"failures": 6, "within": "1h", "lock_for": "10m"}


def test_everywhere_holds_many_addresses_and_no_single_one_uses_it_up() -> None:
    route = LoginRoute(everywhere=WIDE)
    assert route.guesses_left(client="192.0.2.1") == 3
    assert route.login("ada@example.com", client="203.0.113.9", status=400) is None
    assert route.guesses_left(client="198.51.100.2") == 3
    refused = route.login("ada@example.com", client="203.0.113.9")
    assert refused is not None and (refused.reason.slug, refused.retry_after) == ("account_locked", 600)
    assert sorted(lock.kind for lock in route.store.locks(NOON, 10)) == [
        "account",
        "network",
        "network",
        "pair",
        "pair",
    ]
    assert route.login("bob@example.com", client="192.0.2.9") is None
    route.now += 600
    assert route.login("ada@example.com", client="192.0.2.9", status=200) is None


def test_one_network_is_held_to_a_third_of_everywhere() -> None:
    route = LoginRoute(everywhere={"failures": 15, "within": "1h", "lock_for": "10m"})
    assert [route.guesses_left(client=f"2001:db8:1:{number}::1") for number in range(5)] == [3, 2, 0, 0, 0]
    assert sorted(lock.kind for lock in route.store.locks(NOON, 10)) == ["network", "pair"]
    assert [route.guesses_left(client=f"2001:db8:{number}::1") for number in range(2, 6)] == [3, 3, 3, 1]
    assert settings(everywhere=WIDE).of_network.failures == 3


def test_what_an_address_is_refused_is_no_failure_everywhere() -> None:
    route = LoginRoute(everywhere=WIDE)
    for _ in range(50):
        route.login("ada@example.com", client="192.0.2.1")
    assert route.guesses_left(client="198.51.100.2") == 3


def test_a_success_clears_the_failures_of_all_addresses_and_not_the_lock_of_another() -> None:
    route = LoginRoute(everywhere=WIDE)
    for client in ("192.0.1.1", "192.0.2.1"):
        route.login("ada@example.com", client=client)
        route.login("ada@example.com", client=client)
    assert route.login("ada@example.com", client="192.0.9.1", status=200) is None
    assert [route.guesses_left(client=f"192.0.{number}.1") for number in (1, 2, 3, 4)] == [1, 1, 3, 1]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"everywhere": WIDE, "scope": "account"}, "has everywhere beside scope: account"),
        ({"everywhere": {**WIDE, "failures": 5}}, "must be at least twice failures"),
    ],
)
def test_everywhere_is_for_many_addresses(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        settings(**wrong)


def test_everywhere_means_that_each_address_has_a_count_of_its_own() -> None:
    assert [settings(**more).by_address for more in ({}, {"scope": "account+address"}, {"everywhere": WIDE})] == [
        False,
        True,
        True,
    ]
    assert settings(everywhere=WIDE, scope="account+address").by_address


@pytest.mark.parametrize(
    "account", [None, 7, True, "", " ", [], ["ada@x.y"], {}, {"email": "ada@x.y"}, "a" * 321, "ada\0@x.y"]
)
def test_an_attempt_without_an_account_is_refused(account: Any) -> None:
    route = LoginRoute(address={"failures": 5, "within": "1h", "lock_for": "1h"})
    refused = route.login(account)
    assert refused is not None and refused.reason.slug == "body_malformed"
    assert refused.detail.startswith("accounts: ") and "ada" not in refused.detail
    assert route.login("bob@x.y", account) is not None  # in a batch too
    assert route.store.stats().records == 0


def test_content_that_is_not_declared_as_json_is_refused_as_such() -> None:
    route = LoginRoute()
    exchange = route.request("ada@x.y")
    exchange.fields = {b"content-type": b"application/json; charset=utf-7"}
    refused = route.decide(exchange)
    assert refused is not None
    assert (refused.reason.slug, refused.detail) == (
        "media_type_refused",
        "accounts: the content is not declared as JSON in UTF-8",
    )
