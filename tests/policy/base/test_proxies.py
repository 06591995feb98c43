"""Whose address a connection has, and whether that is a trusted proxy's."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from gateway.policy.base.proxies import REMEMBERED, UNKNOWN, TrustedProxies, parse_address

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"), ip_network("::ffff:192.0.2.0/120"))


@pytest.mark.parametrize(
    ("peer", "address", "trusted"),
    [
        ("10.1.2.3", "10.1.2.3", True),
        ("::ffff:10.1.2.3", "10.1.2.3", True),
        ("192.0.2.7", "192.0.2.7", True),
        ("FD00::0:1", "fd00::1", True),
        ("fe80::1%eth0", "fe80::1", False),
        ("198.51.100.1", "198.51.100.1", False),
        ("", UNKNOWN, False),
        ("unknown", UNKNOWN, False),
    ],
)
def test_a_peer_has_one_spelling_and_is_trusted_or_not(peer: str, address: str, trusted: bool) -> None:
    proxies = TrustedProxies(PROXIES)
    assert proxies.peer(peer) == proxies.peer(peer) == (address, trusted)


def test_a_zone_or_a_name_is_no_address() -> None:
    assert parse_address("fe80::1%eth0") is None
    assert parse_address("localhost") is None


def test_the_memory_for_peers_is_bounded() -> None:
    proxies = TrustedProxies(PROXIES)
    for number in range(2 * REMEMBERED + 1):
        proxies.peer(f"198.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(proxies.peers) <= REMEMBERED
