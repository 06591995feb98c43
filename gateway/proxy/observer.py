"""The observer of the data plane, a protocol. The floor above implements it (``ops.observer``)."""

from __future__ import annotations

from typing import Protocol

from gateway.core.exchange import Exchange
from gateway.core.shortage import Shortage


class Observer(Protocol):
    """Called from the event loop of a worker; must not block and must not raise."""

    def begin(self, exchange: Exchange) -> None:
        """A request was read and is about to be decided."""

    def done(self, exchange: Exchange, elapsed: float) -> None:
        """A request is over, with or without a response. ``elapsed`` is seconds since its head was complete.

        ``exchange.status`` is 0 when nothing was sent, ``exchange.reason`` the refusal's slug or empty.
        """

    def event(self, name: str, **fields: object) -> None:
        """Something happened outside a request: a reload, a connection refused. Fields never hold secrets."""

    def shortage(self, kind: Shortage, where: str) -> None:
        """The gateway has run out of ``kind`` at ``where``, for operators."""
