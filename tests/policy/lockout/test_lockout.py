"""Lockouts: what is an attempt, what settles it, and what the client and the operators see."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.core.exchange import WholeResponse
from gateway.state.memory.store import MemoryStore
from tests.policy.lockout.login_route import LOGIN, NOON, OTHER, LoginRoute, errors, settings


def test_the_account_is_locked_and_the_refusal_gives_the_wait() -> None:
    route = LoginRoute(lock_for="42s")
    assert route.guesses_left() == 3
    refused = route.login("ada@example.com")
    assert refused is not None
    assert (refused.reason.slug, refused.reason.status, refused.retry_after) == ("account_locked", 429, 42)
    assert refused.reason.sentence == "Too many sign-in attempts. Try again in {retry_after} seconds."
    assert "ada" not in refused.detail
    assert [(section, mode) for section, _, mode in refused.limits] == [("lockouts", "enforce")]
    assert route.login("bob@example.com") is None
    route.now += 41.5
    refused = route.login("ada@example.com")
    assert refused is not None and refused.retry_after == 1
    route.now += 0.5
    assert route.login("ada@example.com") is None


@pytest.mark.parametrize("own", ["ADA@example.com", "ad\u00e1@example.com", " ada@example.com", "\uff41da@example.com"])
def test_an_own_account_of_nearly_the_same_name_clears_nothing(own: str) -> None:
    """To a backend that compares exactly it is another account, which anybody may have."""
    route = LoginRoute(everywhere={"failures": 6, "within": "1h", "lock_for": "1h"})
    passed = 0
    for _ in range(10):
        for _ in range(2):
            passed += route.login("ada@example.com", status=401) is None
        route.login(own, status=200)
    assert passed == 3


def test_a_success_clears_the_count() -> None:
    route = LoginRoute()
    for status in (401, 401, 200, 401, 401):
        assert route.login("ada@example.com", status=status) is None
    assert route.guesses_left() == 1


@pytest.mark.parametrize("status", [400, 403, 404, 422, 429, 500, 503])
def test_any_other_status_gives_the_attempt_back(status: int) -> None:
    route = LoginRoute()
    for _ in range(10):
        assert route.login("ada@example.com", status=status) is None
    assert route.guesses_left() == 3


@pytest.mark.parametrize("status", [302, 303, 304, 502, 504])
def test_a_redirect_or_an_intermediary_that_gave_up_may_hide_a_guess_that_ran(status: int) -> None:
    route = LoginRoute()
    assert route.guesses_left(status=status) == 3
    assert list(route.store.locks(route.now, 10)) == []
    route.now += 900
    assert route.guesses_left() == 3


def test_a_hundred_logins_at_once_get_no_further() -> None:
    route = LoginRoute()
    exchanges = [route.request("ada@example.com") for _ in range(100)]
    verdicts = [route.decide(exchange) for exchange in exchanges]
    assert verdicts.count(None) == 3
    refused = verdicts[3]
    assert refused is not None and (refused.reason.slug, refused.retry_after) == ("account_locked", 1)
    for exchange, verdict in zip(exchanges, verdicts, strict=True):
        if verdict is None:
            route.respond(exchange, 400)
        else:
            route.stage.on_done(exchange)
    assert route.guesses_left() == 3


def test_a_client_that_leaves_has_spent_its_attempt() -> None:
    route = LoginRoute()
    for _ in range(3):
        exchange = route.request("ada@example.com")
        assert route.decide(exchange) is None
        route.stage.on_done(exchange)
    assert [lock.failures for lock in route.store.locks(NOON, 10)] == [3]


def test_an_attempt_that_was_not_sent_is_given_back_and_one_that_the_upstream_lost_is_not() -> None:
    route = LoginRoute()
    for _ in range(5):
        exchange = route.request("ada@example.com")
        assert route.decide(exchange) is None
        exchange.sent, exchange.reason = False, "upstream_unreachable"
        route.stage.on_done(exchange)
    exchange = route.request("ada@example.com")
    assert route.decide(exchange) is None
    exchange.reason = "upstream_timeout"
    route.stage.on_done(exchange)
    assert route.guesses_left() == 2


@pytest.mark.parametrize("status", [0, 303, 502, 504])
def test_an_unknown_outcome_is_given_back_to_the_address_that_many_share(status: int) -> None:
    route = LoginRoute(address={"failures": 3, "within": "1h", "lock_for": "1h"})
    for number in range(9):
        exchange = route.request(f"{number}@x.y")
        assert route.decide(exchange) is None
        exchange.status, exchange.reason = status, "upstream_timeout"
        if status:
            route.stage.on_response_whole(exchange, WholeResponse(exchange.status, (), None))
        route.stage.on_done(exchange)
    assert [route.guesses_left(f"{number}@x.y", status=status or 502) for number in (0, 1)] == [2, 2]
    assert list(route.store.locks(route.now, 10)) == []


def test_a_lock_that_is_set_is_reported_once_with_its_kind_its_name_and_its_end() -> None:
    route = LoginRoute(address={"failures": 4, "within": "1h", "lock_for": "1h"})
    for name in "aaaab":
        route.login(f"{name}@x.y")
    ((lockout, account), (other, address)) = route.events.locks
    assert (lockout, other) == ("accounts", "accounts")
    assert [account, address] == sorted(route.store.locks(NOON, 10))
    assert (account.kind, account.until, account.reason) == ("account", NOON + 900, "failed attempts on one account")
    assert "a@x.y" not in str(route.events.locks)
    assert (address.kind, address.who) == ("address", "192.0.2.1")


def test_each_call_of_a_batch_counts_for_its_own_account() -> None:
    route = LoginRoute()
    for _ in range(2):
        assert route.login("ada@x.y", "bob@x.y", status=207, body=errors(401, 200)) is None
    assert route.guesses_left("ada@x.y") == 1
    assert route.guesses_left("bob@x.y") == 3


def test_a_uniform_status_counts_for_every_call() -> None:
    route = LoginRoute()
    assert route.login("ada@x.y", "ada@x.y", status=401) is None
    assert route.guesses_left("ada@x.y") == 1


def test_a_success_in_a_batch_clears_no_failure_of_the_same_batch() -> None:
    route = LoginRoute()
    assert route.login("ada@x.y", "ada@x.y", "ada@x.y", status=207, body=errors(401, 401, 200)) is None
    assert route.guesses_left("ada@x.y") == 1


def test_without_a_transformer_the_elements_are_plain() -> None:
    route = LoginRoute()
    body = [{"error": {"data": {"httpStatus": 401}}}, {"error": {"data": {"httpStatus": 400}}}]
    assert route.login("ada@x.y", "bob@x.y", status=207, body=body) is None
    assert (route.guesses_left("ada@x.y"), route.guesses_left("bob@x.y")) == (2, 3)


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b"{",
        b"[" * 100_000,
        {"result": {}},
        errors(200),
        errors(200, 200, 200),
        [7, None],
        [{}, {"error": 7}],
        [{"error": {"json": None}}, {"error": {"json": {"data": {"httpStatus": True}}}}],
        b'{"json":{"0":[[0],[null,0,0]]}}\n{"json":[0,0,[[{"result":0}]]]}\n',
    ],
)
@pytest.mark.parametrize("status", [200, 207])
def test_a_response_that_cannot_be_read_leaves_the_attempts_spent(status: int, body: Any) -> None:
    route = LoginRoute(failures=1)
    assert route.login("ada@x.y", "bob@x.y", status=status, body=body) is None
    assert len(route.store.locks(NOON, 10)) == 2


def test_a_batch_of_one_is_read_too() -> None:
    route = LoginRoute()
    assert route.login("ada@x.y", batch=True, status=200, body=errors(200)) is None
    assert route.guesses_left("ada@x.y") == 3


def test_more_calls_than_may_ever_fail_are_refused_without_a_wait() -> None:
    refused = LoginRoute().login("a@x.y", "a@x.y", "a@x.y", "a@x.y")
    assert refused is not None
    assert (refused.retry_after, refused.reason.slug) == (0, "account_locked")
    assert refused.reason.sentence == "Too many sign-in attempts at once. Please send fewer together."


def test_calls_of_other_routes_are_not_attempts() -> None:
    route = LoginRoute()
    for _ in range(5):
        assert route.login("ada@x.y", "bob@x.y", routes=[OTHER, LOGIN], status=207, body=errors(401, 400)) is None
    assert route.guesses_left("ada@x.y") == 3


def test_a_route_that_is_not_trpc_counts_too() -> None:
    route = LoginRoute()
    for passes in (True, True, True, False):
        exchange = route.request("x")
        exchange.calls, exchange.body = [], b'{"email":"ada@x.y"}'
        assert (route.decide(exchange) is None) is passes
        route.respond(exchange, 401)


def test_an_address_is_locked_for_failing_over_many_accounts() -> None:
    route = LoginRoute(address={"failures": 5, "within": "1h", "lock_for": "1h"})
    verdicts = [route.login(f"{number}@x.y") for number in range(7)]
    assert verdicts[:5] == [None] * 5
    refused = verdicts[5]
    assert refused is not None
    assert (refused.reason.slug, refused.retry_after) == ("address_locked", 3600)
    assert route.login("0@x.y", client="192.0.2.2") is None
    assert [(lock.kind, lock.who) for lock in route.store.locks(NOON, 10)] == [("address", "192.0.2.1")]


def test_a_locked_address_cannot_lock_anybody_else() -> None:
    route = LoginRoute(address={"failures": 4, "within": "1h", "lock_for": "1h"})
    for name in "aabbaabb":
        route.login(f"{name}@x.y")
    assert [lock.kind for lock in route.store.locks(NOON, 10)] == ["address"]
    assert route.guesses_left("a@x.y", client="192.0.2.9") == 1


def test_an_own_account_does_not_clear_the_address() -> None:
    route = LoginRoute(address={"failures": 3, "within": "1h", "lock_for": "1h"})
    for number in range(2):
        assert route.login(f"{number}@x.y") is None
        assert route.login("mine@x.y", status=200) is None
    assert route.login("2@x.y") is None
    refused = route.login("mine@x.y")
    assert refused is not None and refused.reason.slug == "address_locked"


def test_a_report_neither_locks_nor_settles_what_was_not_reserved() -> None:
    route = LoginRoute()
    route.guesses_left()
    exchange = route.request("ada@example.com")
    assert route.decide(exchange) is not None
    exchange.status, exchange.sent = 200, True
    route.stage.on_response_whole(exchange, WholeResponse(exchange.status, (), None))
    route.stage.on_done(exchange)
    assert len(route.store.locks(NOON, 10)) == 1


def test_a_full_store_refuses_strangers_for_a_second() -> None:
    route = LoginRoute(MemoryStore(capacity=1))
    route.login("ada@x.y")
    refused = route.login("bob@x.y")
    assert refused is not None
    assert (refused.retry_after, refused.detail) == (1, "accounts: the state store is full")


@pytest.mark.parametrize(
    "wrong",
    [
        {"account": "email"},
        {"failures": 0},
        {"failures": True},
        {"within": "0s"},
        {"lock_for": []},
        {"lock_for": "31d"},
        {"on_status": []},
        {"on_status": [200]},
        {"scope": "address"},
        {"address": {"failures": 3}},
    ],
)
def test_settings_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_one_time_or_several() -> None:
    assert settings(lock_for="15m").lock_for == (900.0,)
    assert settings(lock_for=["1m", "15m", "1h"]).lock_for == (60.0, 900.0, 3600.0)
