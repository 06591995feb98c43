"""Which clients share a bucket."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.core.exchange import Exchange
from gateway.policy.base.bucket import (
    LONGEST_PART,
    Key,
    address_key,
    key_part,
    length_prefixed,
    network_key,
    principal_key,
)


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


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:ffff::1", True),
        ("2001:db8:1::", "2001:db8:1:0:ffff::", True),
        ("2001:db8:1:2::1", "2001:db8:2:2::1", False),
        ("192.0.2.1", "192.0.2.255", True),
        ("192.0.2.1", "::ffff:192.0.2.255", True),
        ("192.0.2.1", "64:ff9b::192.0.2.255", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("64:ff9b::192.0.2.1", "64:ff9b::192.0.3.1", False),
        ("192.0.2.1", "c000:201::", False),
        ("fe80:0:0:1::1%eth0", "fe80:0:0:2::1%eth1", True),
        ("unknown", "unknown2", False),
    ],
)
def test_a_network_is_a_48_or_a_24(one: str, other: str, same: bool) -> None:
    assert (network_key(one) == network_key(other)) is same


def test_all_subnets_of_one_customer_are_one_network() -> None:
    subnets = [f"2001:db8:1:{number:x}::1" for number in range(0, 65_536, 97)]
    assert len({address_key(subnet) for subnet in subnets}) == len(subnets)
    assert len({network_key(subnet) for subnet in subnets}) == 1


def test_a_client_without_a_principal_is_counted_by_its_address() -> None:
    assert principal_key("", "192.0.2.1") == principal_key("", "::ffff:192.0.2.1")
    assert principal_key("ada", "192.0.2.1") == principal_key("ada", "192.0.2.2")
    assert principal_key("192.0.2.1", "192.0.2.9") != principal_key("", "192.0.2.1")


@given(st.lists(st.binary(max_size=4), max_size=3), st.lists(st.binary(max_size=4), max_size=3))
def test_combined_keys_have_one_reading(one: list[bytes], other: list[bytes]) -> None:
    assert (b"".join(map(length_prefixed, one)) == b"".join(map(length_prefixed, other))) == (one == other)


def bucket(key: str, route: str = "r", value: Any = None, **changed: Any) -> bytes:
    exchange = Exchange("GET", "/", {b"x-device": b"phone"}, "192.0.2.1", 0.0)
    for name, changed_value in changed.items():
        setattr(exchange, name, changed_value)
    return key_part(key)(exchange, route, value)


def test_each_word_of_a_key_depends_on_its_own_part_of_a_request() -> None:
    assert bucket("address") != bucket("address", client="192.0.2.2")
    assert bucket("address") == bucket("address", principal="ada", route="other")
    assert bucket("network") == bucket("network", client="192.0.2.2", principal="ada", route="other")
    assert bucket("network") != bucket("network", client="192.0.3.1")
    assert bucket("principal", principal="ada") != bucket("principal", principal="bob")
    assert bucket("route") != bucket("route", route="other")
    assert bucket("header:x-device") != bucket("header:x-device", fields={})
    assert bucket("header:x-device", fields={}) == bucket("header:x-device", fields={b"x-device": b""})
    assert bucket("input:/a", value={"a": 1}) == bucket("input:/a", value={"a": 1.0, "b": 2})
    assert bucket("input:/a", value={"a": 1}) != bucket("input:/a", value={"a": 2})
    with pytest.raises(ValueError, match="nothing names"):
        bucket("input:/a", value={"b": 1})


@pytest.mark.parametrize(
    "word", ["address", "network", "principal", "route", "header:x-device", "input:/email", "input:/a~1b/0"]
)
def test_a_word_of_a_key(word: str) -> None:
    assert TypeAdapter(Key).validate_python(word) == word


def test_a_header_is_named_in_any_case() -> None:
    assert TypeAdapter(Key).validate_python("header:X-Device") == "header:x-device"


@pytest.mark.parametrize(
    "word", ["", "ip", "Address", "header:", "header:a b", "input:", "input:email", "input:/a~2", "account"]
)
def test_no_word_of_a_key(word: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Key).validate_python(word)


def test_a_long_header_is_one_key_of_a_few_bytes() -> None:
    """Stores remember the keys of thousands of clients: 8,192 headers of 16 KiB would be 134 MB of each worker."""
    keys = [bucket("header:x-device", fields={b"x-device": b"a" * 16_000 + end}) for end in (b"", b"b", b"c")]
    assert len(set(keys)) == 3
    assert max(map(len, keys)) <= LONGEST_PART + 5
    short = bucket("header:x-device", fields={b"x-device": b"#" + bytes(LONGEST_PART - 1)})
    assert short not in keys
    texts = [bucket("input:/a", value={"a": "\u1e9e" * length}) for length in (319, 320)]
    assert len(set(texts)) == 2
    assert max(map(len, texts)) <= LONGEST_PART + 5
