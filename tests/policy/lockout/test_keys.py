"""Which attempts count together: the keys of accounts, of addresses, and of pairs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.lockout.keys import (
    account_lock_key,
    address_lock_key,
    address_name,
    network_lock_key,
    pair_lock_key,
)


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
    assert account_lock_key("a", "x") != account_lock_key("b", "x")
    assert account_lock_key("a", "X ") == account_lock_key("a", "x")


def test_the_name_of_anything_but_an_address_is_cut() -> None:
    assert len(address_name("x" * 1000)) == 45


def test_one_client_has_one_key_however_its_address_is_written() -> None:
    assert address_lock_key("a", "2001:db8::1") == address_lock_key("a", "2001:DB8:0:0:ffff::2")
    assert address_lock_key("a", "::ffff:192.0.2.1") == address_lock_key("a", "192.0.2.1")


def test_an_account_has_one_key_in_a_network_and_no_other_there() -> None:
    key = network_lock_key("a", "Ada ", "2001:db8:1:2::1")
    assert key == network_lock_key("a", "ada", "2001:db8:1:ffff::9")
    others = [("a", "ada", "2001:db8:2::1"), ("a", "bob", "2001:db8:1:2::1"), ("b", "ada", "2001:db8:1:2::1")]
    assert key not in [network_lock_key(*other) for other in others]
    assert key != pair_lock_key("a", "ada", "2001:db8:1:2::1")


names = st.text(st.sampled_from("aAbé@ .7"), max_size=6).map("a{}".format)


@given(names, st.text(max_size=6), names, st.text(max_size=6))
def test_a_pair_has_one_reading(account: str, client: str, other_account: str, other_client: str) -> None:
    same = pair_lock_key("a", account, client) == pair_lock_key("a", other_account, other_client)
    assert same == (
        account_lock_key("a", account) == account_lock_key("a", other_account)
        and address_name(client) == address_name(other_client)
    )
