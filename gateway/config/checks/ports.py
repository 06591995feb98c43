"""Check of the ports of the listeners: two cannot have one at the same address."""

from __future__ import annotations

from gateway.config.checks.exposure import as_address
from gateway.config.listen_settings import Listen
from gateway.config.model import Ops
from gateway.config.problem import Location


def check(listen: Listen, ops: Ops, location: Location) -> None:
    """Reports a port of the operators' listener that is the public one's; ``location`` is that of ``ops``. A free one, 0, is
    never the same."""
    if ops.port and ops.port == listen.port and _overlap(ops.host, listen.host):
        location.add(("port",), "is the port of listen too", "give it one of its own")


def _overlap(host: str, other: str) -> bool:
    """Whether listening on both takes an address twice, as far as their spelling tells."""
    one, two = as_address(host), as_address(other)
    if one is None or two is None or one.version != two.version:
        return host.lower() == other.lower()
    return one == two or one.is_unspecified or two.is_unspecified
