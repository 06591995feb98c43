"""How a run ends: it announces that, takes no more connections, finishes what is in progress, and cuts the rest.

A kept connection has some seconds for one more request, whose response says ``connection: close``: it may be on its way
already, and a connection that is closed under it loses it (RFC 9112 9.6).
"""

from __future__ import annotations

from gateway.process.channel import Drain

CLOSING = 0.25
"""Seconds from the last handshake that begins to the end of a listening socket: a round trip to a far client."""

_HURRY_IDLE = 0.25  # seconds
_PART = 4  # of the time to finish one is for kept connections that idle


def order_announced(finish: float) -> Drain:
    """The order at the end of an announcement, with ``finish`` seconds to end."""
    return Drain(finish, finish / _PART, CLOSING)


def order_now(finish: float, closing: float) -> Drain:
    """The order where nobody could have learned of the end, and somebody waits for it: neither for clients that idle, nor for
    event streams, which have no end of their own."""
    idle = min(_HURRY_IDLE, finish / _PART)
    return Drain(finish, idle, closing, streams=idle)
