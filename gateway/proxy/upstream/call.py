"""One call of a request to one upstream, from its start to the head of the response."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

from gateway.core.exchange import Exchange
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.response import OnInformational
from gateway.proxy.upstream.upload import Upload


class Progress(Enum):
    """What became of starting a call that was not refused."""

    STARTED = 1
    LATER = 2


STARTED: Final = Progress.STARTED
"""The request is on its way; the call's ``on_ready`` follows."""
LATER: Final = Progress.LATER
"""Something has to be waited for first: a connection, the request's content, a retry that may be needed."""


class HeadRefused(Exception):
    """The request cannot go to the upstream, for the reason ``slug``: its head would be larger on the way than heads may be, or
    it has come through here before. Nothing was sent."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


class UpstreamCall:
    """A call for ``path``, which is canonical.

    ``on_informational`` gets 1xx responses. ``on_ready`` is called once when a started call has a response or has failed;
    a call that is awaited needs none. ``connection`` is set while a started call is under way, ``failed`` when it has
    failed there. A call that is awaited has its content set: ``body`` where all of it is here before it is sent,
    ``streamed`` where it is sent as it arrives.
    """

    __slots__ = ("body", "connection", "exchange", "failed", "on_informational", "on_ready", "path", "streamed")

    body: bytes | None
    streamed: Upload | None
    connection: UpstreamConnection
    upgrade = b""
    """The protocol that the request asks for, empty for HTTP as before."""

    def __init__(
        self,
        exchange: Exchange,
        path: str,
        on_informational: OnInformational,
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        self.exchange = exchange
        self.path = path
        self.on_informational = on_informational
        self.on_ready = on_ready
        self.failed: UpstreamError | None = None

    def abandon(self) -> None:
        """End a started call whose response nobody waits for any more."""
        self.connection.owner.endpoint.in_flight -= 1
        self.connection.close()


class SwitchingCall(UpstreamCall):
    """A call that asks for the protocol ``upgrade``, which 101 grants (RFC 9110 7.8). It can only be awaited."""

    __slots__ = ("upgrade",)

    def __init__(self, exchange: Exchange, path: str, on_informational: OnInformational, upgrade: bytes) -> None:
        super().__init__(exchange, path, on_informational)
        self.upgrade = upgrade
