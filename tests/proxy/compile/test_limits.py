"""What each listener takes, from the configuration."""

from __future__ import annotations

from ipaddress import ip_network

from gateway.config.listen_settings import Limits, Listen, PerAddress
from gateway.config.model import Config
from gateway.core.units import Rate
from gateway.proxy.compile.limits import egress_limits_of, limits_of

PROXIES = (ip_network("10.0.0.0/8"),)
WRITTEN = Limits(
    connections=7,
    send_timeout=3.0,
    unsent=2 * 1024 * 1024,
    per_address=PerAddress(connections=4, requests=2, unrouted=Rate(5, 1.0)),
)
CONFIG = Config(listen=Listen(limits=WRITTEN, trusted_proxies=PROXIES))


def test_the_public_listener_has_what_is_written() -> None:
    limits = limits_of(CONFIG)
    assert (limits.connections, limits.send_timeout, limits.unsent) == (7, 3.0, 2 * 1024 * 1024)
    assert (limits.connections_of_address, limits.unrouted) == (4, Rate(5, 1.0))
    assert limits.trusted_proxies == PROXIES


def test_the_backend_is_the_only_client_of_the_egress_listener_and_has_no_limits_of_one_address() -> None:
    limits = egress_limits_of(CONFIG)
    assert (limits.connections, limits.send_timeout) == (7, 3.0)
    assert (limits.connections_of_address, limits.unrouted) == (None, None)
