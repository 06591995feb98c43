"""Lockouts: what is an attempt, what settles it, and who is told what."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.policy.lockout import account_key, address_name
from tests.memory_store import MemoryStore
from tests.policy.lockout_gate import LOGIN, NOON, OTHER, Door, errors, settings


def test_the_account_is_locked_and_told_when_it_opens() -> None:
    door = Door(lock_for="42s")
    assert door.left() == 3
    refused = door.login("ada@example.com")
    assert refused is not None
    assert (refused.reason.slug, refused.reason.status, refused.retry_after) == ("account_locked", 429, 42)
    assert refused.reason.sentence == "Too many sign-in attempts. Try again in {retry_after} seconds."
    assert "ada" not in refused.detail
    assert door.login("bob@example.com") is None
    door.now += 41.5
    refused = door.login("ada@example.com")
    assert refused is not None and refused.retry_after == 1
    door.now += 0.5
    assert door.login("ada@example.com") is None


@pytest.mark.parametrize(
    "spelling", ["ADA@example.com", " ada@example.com\t", "\uff41\uff44\uff41@example.com", "ada@EXAMPLE.com\ufeff"]
)
def test_all_spellings_are_one_account(spelling: str) -> None:
    door = Door()
    assert [door.login(spelling), door.login("ada@example.com"), door.login(spelling)] == [None] * 3
    assert door.login("ada@example.com") is not None


def test_a_success_clears_the_count() -> None:
    door = Door()
    for status in (401, 401, 200, 401, 401):
        assert door.login("ada@example.com", status=status) is None
    assert door.left() == 1


@pytest.mark.parametrize("status", [302, 400, 403, 404, 422, 429, 500, 503])
def test_anything_else_gives_the_attempt_back(status: int) -> None:
    door = Door()
    for _ in range(10):
        assert door.login("ada@example.com", status=status) is None
    assert door.left() == 3


@pytest.mark.parametrize("status", [502, 504])
def test_somebody_in_between_who_gave_up_may_hide_a_guess_that_ran(status: int) -> None:
    door = Door()
    assert door.left(status=status) == 3
    assert list(door.store.locks(door.now, 10)) == []
    door.now += 900
    assert door.left() == 3


def test_a_hundred_logins_at_once_get_no_further() -> None:
    door = Door()
    asked = [door.ask("ada@example.com") for _ in range(100)]
    verdicts = [door.verdict(exchange) for exchange in asked]
    assert verdicts.count(None) == 3
    refused = verdicts[3]
    assert refused is not None and (refused.reason.slug, refused.retry_after) == ("account_locked", 1)
    for exchange, found in zip(asked, verdicts, strict=True):
        if found is None:
            exchange.status = 400
            door.stage.on_answer(exchange)
        door.stage.on_done(exchange)
    assert door.left() == 3


def test_a_client_that_leaves_has_spent_its_attempt() -> None:
    door = Door()
    for _ in range(3):
        exchange = door.ask("ada@example.com")
        assert door.verdict(exchange) is None
        door.stage.on_done(exchange)
    assert [lock.failures for lock in door.store.locks(NOON, 10)] == [3]


def test_what_never_went_out_is_given_back_and_what_the_upstream_lost_is_not() -> None:
    door = Door()
    for _ in range(5):
        exchange = door.ask("ada@example.com")
        assert door.verdict(exchange) is None
        exchange.sent, exchange.reason = False, "upstream_unreachable"
        door.stage.on_done(exchange)
    exchange = door.ask("ada@example.com")
    assert door.verdict(exchange) is None
    exchange.reason = "upstream_timeout"
    door.stage.on_done(exchange)
    assert door.left() == 2


@pytest.mark.parametrize("status", [0, 502, 504])
def test_what_nobody_knows_the_verdict_of_is_given_back_to_the_address_that_many_share(status: int) -> None:
    door = Door(address={"failures": 3, "within": "1h", "lock_for": "1h"})
    for number in range(9):
        exchange = door.ask(f"{number}@x.y")
        assert door.verdict(exchange) is None
        exchange.status, exchange.reason = status, "upstream_timeout"
        if status:
            door.stage.on_answer(exchange)
        door.stage.on_done(exchange)
    assert [door.left(f"{number}@x.y", status=status or 502) for number in (0, 1)] == [2, 2]
    assert list(door.store.locks(door.now, 10)) == []


def test_a_lock_that_is_set_is_told_once_with_who_what_and_until_when() -> None:
    door = Door(address={"failures": 4, "within": "1h", "lock_for": "1h"})
    for name in "aaaab":
        door.login(f"{name}@x.y")
    ((account, fields), (address, others)) = door.told
    assert (account, address) == ("locked", "locked")
    (listed, also) = sorted(door.store.locks(NOON, 10))
    assert fields == {
        "lockout": "accounts",
        "kind": "account",
        "who": listed.who,
        "until": NOON + 900,
        "reason": "failed attempts on one account",
    }
    assert "a@x.y" not in str(door.told)
    assert (others["kind"], others["who"], also.kind) == ("address", "192.0.2.1", "address")


def test_each_call_of_a_batch_counts_for_its_own_account() -> None:
    door = Door()
    for _ in range(2):
        assert door.login("ada@x.y", "bob@x.y", status=207, answer=errors(401, 200)) is None
    assert door.left("ada@x.y") == 1
    assert door.left("bob@x.y") == 3


def test_a_uniform_status_counts_for_every_call() -> None:
    door = Door()
    assert door.login("ada@x.y", "ada@x.y", status=401) is None
    assert door.left("ada@x.y") == 1


def test_a_success_in_a_batch_does_not_clear_what_failed_beside_it() -> None:
    door = Door()
    assert door.login("ada@x.y", "ada@x.y", "ada@x.y", status=207, answer=errors(401, 401, 200)) is None
    assert door.left("ada@x.y") == 1


def test_without_a_transformer_the_elements_are_plain() -> None:
    door = Door()
    answer = [{"error": {"data": {"httpStatus": 401}}}, {"error": {"data": {"httpStatus": 400}}}]
    assert door.login("ada@x.y", "bob@x.y", status=207, answer=answer) is None
    assert (door.left("ada@x.y"), door.left("bob@x.y")) == (2, 3)


@pytest.mark.parametrize(
    "answer",
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
def test_what_cannot_be_read_stays_spent(status: int, answer: Any) -> None:
    door = Door(failures=1)
    assert door.login("ada@x.y", "bob@x.y", status=status, answer=answer) is None
    assert len(door.store.locks(NOON, 10)) == 2


def test_a_batch_of_one_is_read_too() -> None:
    door = Door()
    assert door.login("ada@x.y", batch=True, status=200, answer=errors(200)) is None
    assert door.left("ada@x.y") == 3


def test_more_calls_than_may_ever_fail_are_told_so() -> None:
    refused = Door().login("a@x.y", "a@x.y", "a@x.y", "a@x.y")
    assert refused is not None
    assert (refused.retry_after, refused.reason.slug) == (0, "account_locked")
    assert refused.reason.sentence == "Too many sign-in attempts at once. Please send fewer together."


def test_calls_of_other_routes_are_not_attempts() -> None:
    door = Door()
    for _ in range(5):
        assert door.login("ada@x.y", "bob@x.y", routes=[OTHER, LOGIN], status=207, answer=errors(401, 400)) is None
    assert door.left("ada@x.y") == 3


def test_a_form_that_is_no_procedure_counts_too() -> None:
    door = Door()
    for passes in (True, True, True, False):
        exchange = door.ask("x")
        exchange.calls, exchange.body = [], b'{"email":"ada@x.y"}'
        assert (door.verdict(exchange) is None) is passes
        exchange.status = 401
        door.stage.on_answer(exchange)
        door.stage.on_done(exchange)


def test_an_input_with_two_readings_is_refused() -> None:
    exchange = Door().ask("ada@x.y")
    exchange.body = b'{"json":{"email":"a@x.y","email":"b@x.y"}}'
    refused = Door().verdict(exchange)
    assert refused is not None and refused.reason.slug == "body_malformed"


def test_an_address_is_locked_for_failing_over_many_accounts() -> None:
    door = Door(address={"failures": 5, "within": "1h", "lock_for": "1h"})
    passed = [door.login(f"{number}@x.y") for number in range(7)]
    assert passed[:5] == [None] * 5
    refused = passed[5]
    assert refused is not None
    assert (refused.reason.slug, refused.retry_after) == ("address_locked", 3600)
    assert door.login("0@x.y", client="192.0.2.2") is None
    assert [(lock.kind, lock.who) for lock in door.store.locks(NOON, 10)] == [("address", "192.0.2.1")]


def test_a_locked_address_cannot_lock_anybody_else() -> None:
    door = Door(address={"failures": 4, "within": "1h", "lock_for": "1h"})
    for name in "aabbaabb":
        door.login(f"{name}@x.y")
    assert [lock.kind for lock in door.store.locks(NOON, 10)] == ["address"]
    assert door.left("a@x.y", client="192.0.2.9") == 1


def test_an_own_account_does_not_clear_the_address() -> None:
    door = Door(address={"failures": 3, "within": "1h", "lock_for": "1h"})
    for number in range(2):
        assert door.login(f"{number}@x.y") is None
        assert door.login("mine@x.y", status=200) is None
    assert door.login("2@x.y") is None
    refused = door.login("mine@x.y")
    assert refused is not None and refused.reason.slug == "address_locked"


def test_with_the_address_in_the_scope_others_still_get_in() -> None:
    door = Door(scope="account+address")
    assert door.left(client="192.0.2.1") == 3
    assert door.login("ada@example.com", client="192.0.2.2", status=200) is None
    assert door.left(client="192.0.2.1") == 0
    assert [lock.kind for lock in door.store.locks(NOON, 10)] == ["pair"]


def test_a_report_neither_locks_nor_settles_what_was_not_reserved() -> None:
    door = Door()
    door.left()
    exchange = door.ask("ada@example.com")
    assert door.verdict(exchange) is not None
    exchange.status, exchange.sent = 200, True
    door.stage.on_answer(exchange)
    door.stage.on_done(exchange)
    assert len(door.store.locks(NOON, 10)) == 1


def test_a_full_store_refuses_strangers_for_a_second() -> None:
    door = Door(MemoryStore(capacity=1))
    door.login("ada@x.y")
    refused = door.login("bob@x.y")
    assert refused is not None
    assert (refused.retry_after, refused.detail) == (1, "accounts: the state store is full")


@pytest.mark.parametrize(
    ("client", "name"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unknown", "unknown"),
    ],
)
def test_addresses_are_named_as_they_are_counted(client: str, name: str) -> None:
    assert address_name(client) == name
    assert address_name(name.partition("/")[0]) == name


def test_lockouts_of_different_names_count_apart() -> None:
    assert account_key("a", "x") != account_key("b", "x")
    assert account_key("a", "X ") == account_key("a", "x")


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
