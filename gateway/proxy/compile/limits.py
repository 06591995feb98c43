"""From ``listen.limits`` of a configuration to what each listener takes."""

from __future__ import annotations

from dataclasses import replace

from gateway.config.model import Config
from gateway.proxy.flow.arrival import ListenerLimits


def limits_of(config: Config) -> ListenerLimits:
    """The limits of the public listener."""
    limits = config.listen.limits
    return ListenerLimits(
        limits.connections,
        limits.header_bytes,
        limits.header_timeout,
        limits.body_timeout,
        limits.keepalive,
        limits.send_timeout,
        limits.unsent,
        limits.per_address.connections,
        limits.per_address.unrouted,
        config.listen.trusted_proxies,
        config.listen.trusted_fields,
    )


def egress_limits_of(config: Config) -> ListenerLimits:
    """The limits of the egress listener. It has one client, the backend, so none is for one address."""
    return replace(limits_of(config), connections_of_address=None, unrouted=None)
