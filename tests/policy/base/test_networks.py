"""Which lists of networks hold all addresses of others."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.base.networks import cover
from gateway.policy.base.proxies import Network, TrustedProxies


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (["10.0.0.0/8"], ["10.1.0.0/16"]),
        (["10.0.0.0/9", "10.128.0.0/9"], ["10.0.0.0/8", "10.5.0.0/16"]),
        (["::ffff:10.0.0.0/104"], ["10.1.2.3"]),
        (["2001:db8::/32"], ["2001:db8:1::/48"]),
        (["10.0.0.0/8"], []),
    ],
)
def test_the_wider_holds_the_narrower(wide: list[str], narrow: list[str]) -> None:
    assert cover([*map(ip_network, wide)], [*map(ip_network, narrow)])


@pytest.mark.parametrize(
    ("one", "other"), [(["10.0.0.0/8"], ["11.0.0.0/8"]), (["0.0.0.0/0"], ["::/0"]), ([], ["10.0.0.1"])]
)
def test_neither_holds_the_other(one: list[str], other: list[str]) -> None:
    assert not cover([*map(ip_network, one)], [*map(ip_network, other)])


# Few addresses, so that networks meet: 10.0.0.0/28, and the same mapped into IPv6.
_SMALL = st.tuples(st.integers(0, 15), st.integers(0, 4)).map(
    lambda pair: f"10.0.0.{pair[0] >> (4 - pair[1]) << (4 - pair[1])}/{28 + pair[1]}"
)
_NETWORKS = st.lists(
    st.one_of(
        _SMALL, _SMALL.map(lambda text: f"::ffff:{text.partition('/')[0]}/{int(text.partition('/')[2]) + 96}")
    ).map(ip_network),
    max_size=5,
)
_ALL = [IPv4Address(f"10.0.0.{last}") for last in range(17)] + [IPv6Address("::1")]


@given(_NETWORKS, _NETWORKS)
def test_it_holds_exactly_what_proxies_are_trusted_by(wide: list[Network], narrow: list[Network]) -> None:
    trusted, asked = TrustedProxies(wide), TrustedProxies(narrow)
    assert cover(wide, narrow) == all(trusted.trusts(one) for one in _ALL if asked.trusts(one))
