"""Which lists of networks hold all addresses of other lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from gateway.policy.base.proxies import Network, folded


def cover(wide: Sequence[Network], narrow: Iterable[Network]) -> bool:
    """Whether every address in ``narrow`` is in ``wide``, of which several may hold one of ``narrow`` together."""
    known = [folded(network) for network in wide]
    of_4 = list(collapse_addresses(network for network in known if isinstance(network, IPv4Network)))
    of_6 = list(collapse_addresses(network for network in known if isinstance(network, IPv6Network)))
    return all(_within(folded(network), of_4, of_6) for network in narrow)


def _within(network: Network, of_4: list[IPv4Network], of_6: list[IPv6Network]) -> bool:
    if isinstance(network, IPv4Network):
        return any(network.subnet_of(other) for other in of_4)
    return any(network.subnet_of(other) for other in of_6)
