"""The clock of answers whose head has come: silence inside one that is being collected, and the end of the whole call."""

from __future__ import annotations

from typing import Any

from gateway.proxy.pool.connection import UpstreamConnection


class ResponseTimeouts:
    """Looks at answers whose head has come, now and then. ``silence`` is in seconds.

    What belongs to a call is told from a later one on the same connection by the list of its trailers: that is a new one
    for each answer, so nothing has to be reset on the request path.
    """

    def __init__(self, silence: float) -> None:
        self._silence = silence
        self._heard: dict[UpstreamConnection, tuple[Any, int, float]] = {}
        self._ends: dict[UpstreamConnection, tuple[Any, float]] = {}

    def end(self, connection: UpstreamConnection, moment: float) -> None:
        """Have the answer on ``connection`` end by the loop's time ``moment``."""
        self._ends[connection] = connection.trailers, moment

    def overdue(self, connection: UpstreamConnection, now: float) -> bool:
        """Whether the whole call has taken too long. To be asked also while the client is what holds it up."""
        if not self._ends:
            return False
        mark, moment = self._ends.get(connection, (None, 0.0))
        return mark is connection.trailers and now >= moment

    def silent(self, connection: UpstreamConnection, now: float) -> bool:
        """Whether an answer whose body is being collected has said nothing new for too long."""
        if connection.streaming:
            return False
        mark, arrived, since = self._heard.get(connection, (None, 0, now))
        if mark is connection.trailers and arrived == connection.waiting:
            return now - since >= self._silence
        self._heard[connection] = connection.trailers, connection.waiting, now
        return False

    def forget(self, connection: UpstreamConnection) -> None:
        """The connection is closed."""
        self._heard.pop(connection, None)
        self._ends.pop(connection, None)
