"""Via (RFC 9110 7.6.3): what the gateway adds to each message that it passes on, and how it knows its own again.

To upstreams it names itself ``NAME-INSTANCE-LISTENER``. The instance is drawn for each run, the same for all of its workers:
64 bits, so that no client guesses it and two gateways of one name are not taken for one. A client that learns it, from an
upstream that shows what it was sent, can have its own requests refused and nobody else's; and it cannot take the field off
while a request goes round. Responses name only ``NAME``.

The listener is in it because a request may rightly come once through each of them: from a client, and by way of another
service through egress.
"""

from __future__ import annotations

DEFAULT_NAME = "tutor-gateway"

INSTANCE_BYTES = 8


class Via:
    """The Via of one gateway: ``name`` is its pseudonym, a token; ``instance`` tells this run from all others.

    Without an instance nothing is added and nothing is found, for upstreams that are called by no gateway.
    """

    __slots__ = ("_egress", "_public", "response")

    def __init__(self, name: str = "", instance: str = "") -> None:
        self._public = f"{name}-{instance}-public".encode() if instance else b""
        self._egress = f"{name}-{instance}-egress".encode() if instance else b""
        self.response = f"1.1 {name}".encode() if instance else b""
        """What it adds to responses."""

    def looped(self, value: bytes, internal: bool) -> bool:
        """Whether a request with ``value`` has come through this listener before; ``internal``: the egress listener."""
        own = self._egress if internal else self._public
        return bool(own) and own in value

    def line(self, value: bytes | None, version: str, internal: bool) -> bytes:
        """The line for an upstream: what the request had, and this gateway behind it. ``version`` is that of the request."""
        own = self._egress if internal else self._public
        if not own:
            return b"via: %b\r\n" % value if value else b""
        before = b"%b, " % value if value else b""
        return b"via: %b%b %b\r\n" % (before, version.encode(), own)
