"""What is left of a limit for somebody: the same bucket as that of requests, and looking takes nothing."""

from __future__ import annotations

import pytest

from gateway.core.exchange import Exchange
from gateway.policy.rate_limit.limit import Limit
from gateway.policy.rate_limit.lookup import Person, bucket_of
from gateway.policy.rate_limit.rate_limit import Settings
from gateway.state.memory.store import MemoryStore

NOW = 1_700_000_000.0
PERSON = Person("user-1", "192.0.2.7", "Ada@Example.com")


def settings(*key: str) -> Settings:
    return Settings.model_validate({"limit": "5/minute", "key": list(key)})


@pytest.mark.parametrize(
    "key", [("address",), ("principal",), ("network",), ("principal", "address"), ("address", "network")]
)
def test_it_is_the_bucket_that_requests_take_from(key: tuple[str, ...]) -> None:
    of = settings(*key)
    limit = Limit("l", of.limit, of.at_once, of.key, 0, True)
    exchange = Exchange("GET", "/", {}, PERSON.address, 0.0)
    exchange.principal = PERSON.subject
    store = MemoryStore()
    for _ in range(2):
        store.take(limit.takes(exchange, ()), NOW)
    take = bucket_of("l", of, PERSON)
    assert take is not None
    for _ in range(3):
        assert store.take((take,), NOW)[0].remaining == 3
    assert bucket_of("other", of, PERSON) != take


@pytest.mark.parametrize("spelling", ["ada@example.com", " ADA@EXAMPLE.COM", "ada+x@example.com"])
def test_an_account_is_found_under_every_spelling(spelling: str) -> None:
    of = settings("input:/email", "address")
    assert bucket_of("l", of, PERSON._replace(account=spelling)) == bucket_of("l", of, PERSON)


@pytest.mark.parametrize(
    ("key", "person"),
    [
        (("address", "route"), PERSON),
        (("header:x-app",), PERSON),
        (("address",), Person(subject="a")),
        (("principal",), Person(address="192.0.2.7")),
        (("input:/email",), Person(subject="a", address="192.0.2.7")),
    ],
)
def test_what_is_not_known_has_no_bucket(key: tuple[str, ...], person: Person) -> None:
    assert bucket_of("l", settings(*key), person) is None
