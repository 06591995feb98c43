"""The requests of a log in the order in which they came. A log has them in the order in which they ended, and those of several
workers not quite in that."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

from gateway.review.replay.recorded import Event, RecordedRequest, Unreadable

LATE = 10.0
"""Seconds that a request is waited for which has come before others and ended behind them."""

MOST_WAITING = 20_000
"""Requests that wait for those before them, some 2 KiB each."""

BEHIND = 60.0
"""Seconds that a line may be older than the newest before it: workers write every 0.2 s, and a stopped one catches up."""

AHEAD = 3600.0
"""Seconds that a line may be newer than the newest before it; where it is more, nobody has called for so long, which the next
line shows, or the line is forged."""

RESOLUTION = 0.0015
"""Seconds by which the times of two requests may be in the wrong order: lines have milliseconds, cut off."""

Entry = RecordedRequest | Event


class Timeline:
    """Puts what is added in order. ``late`` counts requests that came before others that were given already: they last longer
    than ``LATE``. ``misplaced`` counts lines with a time that no line behind them goes on from."""

    def __init__(self) -> None:
        self.late = 0
        self.misplaced = 0
        self._newest = 0.0
        self._given = 0.0
        self._last = 0.0
        self._doubtful: Entry | None = None
        self._waiting: list[tuple[float, int, Entry]] = []
        self._added = 0

    def add(self, entry: Entry) -> Sequence[Entry]:
        """Add a line; what is due by now, in order. Raises Unreadable for one that is far older than those before it."""
        at = _written(entry)
        doubtful, self._doubtful = self._doubtful, None
        if doubtful is not None:
            if at >= _written(doubtful) - BEHIND:
                self._put(doubtful)
            else:
                self.misplaced += 1
        if not self._newest or at > self._newest + AHEAD:
            self._doubtful = entry
            return ()
        if at < self._newest - BEHIND:
            raise Unreadable("is older than the lines before it")
        self._put(entry)
        return self._due(self._newest - LATE)

    def rest(self) -> Sequence[Entry]:
        """What is left when no more lines come."""
        if self._doubtful is not None:
            self._put(self._doubtful)
            self._doubtful = None
        return self._due(math.inf)

    def _put(self, entry: Entry) -> None:
        self._newest = max(self._newest, _written(entry))
        self._added += 1
        if isinstance(entry, RecordedRequest):
            if self._last - RESOLUTION < entry.start < self._last:
                entry.start = self._last  # as good as any: then the order of the lines is that of the requests
            else:
                self._last = max(self._last, entry.start)
        heapq.heappush(
            self._waiting, (entry.start if isinstance(entry, RecordedRequest) else entry.at, self._added, entry)
        )

    def _due(self, until: float) -> Sequence[Entry]:
        due: list[Entry] = []
        waiting = self._waiting
        while waiting and (waiting[0][0] <= until or len(waiting) > MOST_WAITING):
            came, _, entry = heapq.heappop(waiting)
            if came < self._given:
                self.late += 1
            else:
                self._given = came
            due.append(entry)
        return due


def _written(entry: Entry) -> float:
    return entry.end if isinstance(entry, RecordedRequest) else entry.at
