"""The last requests that were refused, for whoever asks about one by its id (``gateway explain --request-id``).

What is kept is the line of the log without what says whose request it was. On the path of a request its line is only noted;
it is stripped within a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

KEPT = 256
"""Refusals of one worker, some 2 KiB each. Of a flood by limits a second's lines are bounded too (``ops.log``)."""

PERSONAL = frozenset(("client", "peer", "principal", "correlation_id", "upstream_correlation_id", "token"))
"""Fields of a line that say whose request it was."""


class RecentRefusals:
    """``note`` takes the fields of a line, which is not changed by that."""

    __slots__ = ("_fresh", "_kept", "note")

    def __init__(self, most: int = KEPT) -> None:
        self._fresh: deque[Mapping[str, Any]] = deque(maxlen=most)
        self._kept: deque[Mapping[str, Any]] = deque(maxlen=most)
        self.note = self._fresh.append

    def strip(self) -> None:
        """Take out of what was noted what says whose request it was: to be called each second."""
        fresh = self._fresh
        while fresh:
            self._kept.append(without_person(fresh.popleft()))

    def find(self, request_id: str) -> Mapping[str, Any] | None:
        """The line of the request of that id, None where it is not kept, or no longer."""
        self.strip()
        return next((line for line in reversed(self._kept) if line["id"] == request_id), None)


def without_person(line: Mapping[str, Any]) -> dict[str, Any]:
    """``line`` of the log without what says whose request it was."""
    return {name: value for name, value in line.items() if name not in PERSONAL}
