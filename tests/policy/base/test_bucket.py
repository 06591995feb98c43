"""Which clients share a bucket."""

import pytest

from gateway.policy.base.bucket import address_key, principal_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("2001:db8:0:0::1", "2001:0DB8::2"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("192.0.2.1", "::ffff:c000:201"),
        ("192.0.2.1", "64:ff9b::192.0.2.1"),
        ("fe80::1%eth0", "fe80::2%eth1"),
    ],
)
def test_one_client_by_two_names(one: str, other: str) -> None:
    assert address_key(one) == address_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.1", "192.0.2.2"),
        ("2001:db8:1:2::1", "2001:db8:1:3::1"),
        ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2"),
        ("192.0.2.1", "c000:201::"),
        ("unknown", "unknown2"),
        ("", "0.0.0.0"),
    ],
)
def test_two_clients(one: str, other: str) -> None:
    assert address_key(one) != address_key(other)


def test_who_is_not_signed_in_is_an_address() -> None:
    assert principal_key("", "192.0.2.1") == principal_key("", "::ffff:192.0.2.1")
    assert principal_key("ada", "192.0.2.1") == principal_key("ada", "192.0.2.2")
    assert principal_key("192.0.2.1", "192.0.2.9") != principal_key("", "192.0.2.1")
