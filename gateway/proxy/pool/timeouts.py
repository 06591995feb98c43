"""The clock of responses whose head has come: silence in one that is being collected, and the end of the whole call."""

from __future__ import annotations

from gateway.core.fields import Pair
from gateway.proxy.pool.connection import UpstreamConnection


class ResponseTimeouts:
    """Looks at responses whose head has come, from time to time. ``silence`` is in seconds.

    The list of its trailers tells a response from a later one on the same connection. Each response has a new list, so
    nothing has to be reset on the request path.
    """

    def __init__(self, silence: float) -> None:
        self._silence = silence
        self._progress: dict[UpstreamConnection, tuple[list[Pair], int, float]] = {}
        self._ends: dict[UpstreamConnection, tuple[list[Pair], float]] = {}

    def end(self, connection: UpstreamConnection, moment: float) -> None:
        """Set the loop's time ``moment`` as the end of the response on ``connection``."""
        self._ends[connection] = connection.trailers, moment

    def overdue(self, connection: UpstreamConnection, now: float) -> bool:
        """Whether the whole call has taken too long, also where the client is what holds it up."""
        mark, moment = self._ends.get(connection, (None, 0.0))
        return mark is connection.trailers and now >= moment

    def silent(self, connection: UpstreamConnection, now: float) -> bool:
        """Whether no new byte has come for too long of a response whose body is being collected."""
        if connection.streaming:
            return False
        mark, arrived, since = self._progress.get(connection, (None, 0, now))
        if mark is connection.trailers and arrived == connection.buffered:
            return now - since >= self._silence
        self._progress[connection] = connection.trailers, connection.buffered, now
        return False

    def restart(self, connection: UpstreamConnection, now: float) -> None:
        """Count the silence of the response on ``connection`` from ``now`` on: until now it had to wait for the client."""
        connection.deadline = 0.0
        self._progress[connection] = connection.trailers, connection.buffered, now

    def forget(self, connection: UpstreamConnection) -> None:
        """Drop what is kept of ``connection``, which is closed."""
        self._progress.pop(connection, None)
        self._ends.pop(connection, None)
