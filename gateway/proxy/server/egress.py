"""The server of the egress listener: the public one's, without its health paths and behind other routes."""

from __future__ import annotations

from gateway.core.verdict import Reply
from gateway.proxy.observer import Observer
from gateway.proxy.server.server import ListenerLimits, Server


class _NoHealth:
    """Health is told on the other listeners; here these paths are like any other."""

    def public(self, path: str) -> Reply | None:
        return None


class EgressServer(Server):
    """The listener of one worker."""

    def __init__(self, limits: ListenerLimits, observer: Observer) -> None:
        super().__init__(limits, observer, _NoHealth())
