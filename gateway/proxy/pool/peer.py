"""Where a connection to an endpoint may lead: its own address, and those that stand in for it, in the order to be tried."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from gateway.core.addresses import alternating, is_ipv6
from gateway.proxy.pool.endpoint import Endpoint


class Peer(NamedTuple):
    """One IP address, and the endpoint that a connection to it belongs to."""

    endpoint: Endpoint
    address: str


def peers_of_name(endpoint: Endpoint, addresses: Sequence[str]) -> list[Peer]:
    """The ``addresses`` of the name that ``endpoint`` is, the unreachable ones last."""
    unreachable = endpoint.unreachable
    good = [address for address in addresses if address not in unreachable]
    return [Peer(endpoint, address) for address in (*good, *[one for one in addresses if one in unreachable])]


def peers_of_address(endpoint: Endpoint, tried: Collection[Endpoint]) -> list[Peer]:
    """``endpoint`` and then the healthy ones of its name that were not ``tried``, the families alternating; the unreachable
    ones last. One on probation gets no call that was meant for another."""
    others = [
        other
        for other in endpoint.siblings
        if other is not endpoint and other not in tried and other.healthy and not other.on_probation
    ]
    good = alternating((endpoint, *[other for other in others if not other.unreachable]), _ipv6)
    return [Peer(each, each.address) for each in (*good, *[other for other in others if other.unreachable])]


def _ipv6(endpoint: Endpoint) -> bool:
    return is_ipv6(endpoint.address)
