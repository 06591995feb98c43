"""What a policy's builder is handed: the outside world in as few things as possible."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from gateway.state.store import RemoteStore, Store


def _unheard(name: str, **fields: object) -> None:
    """Takes events where nobody watches."""


@dataclass(frozen=True, slots=True)
class Tools:
    """``wall`` gives Unix seconds; ``trusted_proxies`` are the networks whose forwarding headers are believed.

    ``shared`` is the store of all replicas where there is one; ``store`` then only stands in for it, only breakers
    ask it directly, whose findings are of this host. ``event`` takes a name and fields for the log and the figures.
    """

    store: Store
    wall: Callable[[], float] = time.time
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    shared: RemoteStore | None = None
    event: Callable[..., None] = _unheard
