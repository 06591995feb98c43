"""The networks of ``listen.trusted_proxies``: whose forwarding fields are believed, and who no limit by address is for."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# What a peer without an address (a Unix socket) is called: RFC 7239 section 6.2.
UNKNOWN = "unknown"

REMEMBERED = 4096
"""Peers whose addresses are remembered."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def parse_address(text: str) -> Address | None:
    """The address ``text`` names, an IPv4-mapped one as IPv4; None for anything else, a zone id included."""
    if "%" in text:  # a zone means something only to the host that wrote it (RFC 4007 section 6)
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address if isinstance(address, IPv4Address) else address.ipv4_mapped or address


def folded(network: Network) -> Network:
    """A network of IPv4-mapped addresses as the IPv4 network that it means."""
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - 96))
    return network


class TrustedProxies:
    """The proxies of ``networks``. ``peers`` are the addresses that were looked up, to be read only."""

    __slots__ = ("_networks", "peers")

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(folded(network) for network in networks)
        self.peers: dict[str, tuple[str, bool]] = {}

    def trusts(self, address: Address) -> bool:
        """Whether ``address`` is one of theirs."""
        return any(address in network for network in self._networks)

    def peer(self, text: str) -> tuple[str, bool]:
        """The address of a connection in canonical form, and whether it is that of a trusted proxy. Both are remembered."""
        known = self.peers.get(text)
        if known is None:
            # The kernel adds the interface to a link-local address; networks are matched without it.
            address = parse_address(text.partition("%")[0])
            known = (str(address), self.trusts(address)) if address is not None else (UNKNOWN, False)
            if len(self.peers) >= REMEMBERED:
                self.peers.clear()
            self.peers[text] = known
        return known
