"""The server of the egress listener: the public one's, without its health paths and behind other routes."""

from __future__ import annotations

from typing import Protocol

from gateway.core.verdict import Reply
from gateway.proxy.observer import Observer
from gateway.proxy.server.server import ListenerLimits, Server


class Levels(Observer, Protocol):
    """An observer that is told how many connections are open."""

    def levels(self, connections: int) -> None: ...


class _NoHealth:
    """Health is told on the other listeners; here these paths are like any other."""

    def public(self, path: str) -> Reply | None:
        return None


class EgressServer(Server):
    """The listener of one worker."""

    def __init__(self, limits: ListenerLimits, observer: Levels) -> None:
        super().__init__(limits, observer, _NoHealth())
        self._levels = observer.levels

    def tick(self) -> None:
        """Bring the listener's own figures up to date."""
        self._levels(self.connections)
