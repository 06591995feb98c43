"""Which keys of a limit make more buckets, and which fewer."""

from __future__ import annotations

import pytest

from gateway.policy.base.order import Effect, compared
from gateway.policy.rate_limit.orders import key_order
from gateway.policy.rate_limit.rate_limit import Settings

FINER = [
    (("address",), ("address", "route")),
    (("address",), ("address", "header:x-device")),
    (("address",), ("address", "input:/email")),
    (("network",), ("address",)),
    (("network", "route"), ("address", "route")),
]


@pytest.mark.parametrize(("coarse", "fine"), FINER)
def test_a_finer_key_loosens_and_a_coarser_one_tightens(coarse: tuple[str, ...], fine: tuple[str, ...]) -> None:
    assert [change.effect for change in key_order(coarse, fine)] == [Effect.LOOSENS]
    assert [change.effect for change in key_order(fine, coarse)] == [Effect.TIGHTENS]


@pytest.mark.parametrize(("one", "other"), [(("address",), ("principal",)), (("address",), ("network", "route"))])
def test_keys_of_which_neither_is_finer_loosen_both_ways(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert [change.effect for change in (*key_order(one, other), *key_order(other, one))] == [Effect.LOOSENS] * 2


@pytest.mark.parametrize(
    ("one", "other"), [(("address", "route"), ("route", "address")), (("address",), ("network", "address"))]
)
def test_keys_that_divide_requests_alike_are_no_change(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert not [*key_order(one, other), *key_order(other, one)]


def test_a_part_that_clients_choose_is_said_and_worse() -> None:
    (chosen,) = key_order(("address",), ("address", "header:x-device"))
    (account,) = key_order(("network",), ("network", "input:/email"))
    (route,) = key_order(("address",), ("address", "route"))
    assert chosen.why == (
        "One address may now try any number of values: this limit counts each value of the field `x-device` apart, and the client"
        " chooses it."
    )
    assert "each value of `email` in the body" in account.why and account.why.endswith(
        "any number of accounts can be tried."
    )
    assert chosen.danger > route.danger


def test_the_whole_limit_is_said_before_and_now() -> None:
    old, new = (
        Settings.model_validate({"limit": "5/minute", "key": key}) for key in (["address"], ["address", "route"])
    )
    (change,) = compared(old, new)
    assert change.why.endswith(
        " Before: 5 requests a minute for each address. Now: 5 requests a minute for each address and each route."
    )


def test_a_coarser_key_says_that_strangers_share_a_budget() -> None:
    (change,) = key_order(("address", "input:/email"), ("address",))
    assert "use it up for each other" in change.why
