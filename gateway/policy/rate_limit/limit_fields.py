"""The fields of a response about one limit: those of draft-ietf-httpapi-ratelimit-headers-11, and ``X-RateLimit-*``."""

from __future__ import annotations

import math
from typing import NamedTuple

from gateway.core.field_lines import FieldLines
from gateway.state.rules.gcra import Taken

ROUND = 0.999_999
"""Added before seconds are cut to whole ones, up; less than a microsecond over is a rounding error and not a second."""

REMEMBERED = 512
"""Different states of one limit that are kept, 0.6 KiB each. A limit by the minute has some hundred of them; one by the
hour has thousands, and is taken seldom."""


class LimitLines(NamedTuple):
    """The lines for one state of a limit. ``item`` is its item in a list of several limits in ``RateLimit``; ``older``
    are the ``X-RateLimit-*`` lines; ``complete`` are all lines of a response that reports no other limit."""

    item: bytes
    older: FieldLines
    complete: FieldLines


class LimitFields:
    """Makes the lines of the limit ``name``: ``limit`` units every ``period`` seconds, ``burst`` of them at once.

    ``policy`` is the limit's item of ``RateLimit-Policy``.
    """

    __slots__ = ("_burst", "_interval", "_item", "_lines", "policy")

    def __init__(self, name: str, limit: int, period: float, burst: int) -> None:
        self._burst = burst
        self._interval = period / limit
        quoted = name.replace("\\", "\\\\").replace('"', '\\"').encode("ascii")  # a String of RFC 9651 section 3.3.3
        self.policy = b'"%b";q=%d;w=%d' % (quoted, limit, max(1, math.ceil(period)))
        self._item = b'"%b";r=%%d;t=%%d' % quoted.replace(b"%", b"%%")
        self._lines: dict[tuple[int, int, int], LimitLines] = {}

    def lines(self, taken: Taken) -> LimitLines:
        """The lines for the state ``taken``. Few states differ, so their lines are remembered."""
        # "t" is the time in which the client can use no more than "r" (section 4.1.2): until the next unit comes back.
        # The time until all are back would promise too little, and Retry-After must not end before it (section 6).
        following = taken.reset + (taken.remaining + 1 - self._burst) * self._interval
        numbers = taken.remaining, int(following + ROUND), int(taken.reset + ROUND)
        lines = self._lines.get(numbers)
        if lines is None:
            if len(self._lines) >= REMEMBERED:
                self._lines.clear()
            lines = self._lines[numbers] = self._make(*numbers)
        return lines

    def _make(self, remaining: int, following: int, reset: int) -> LimitLines:
        item = self._item % (remaining, max(1, following))
        older = (
            (b"x-ratelimit-limit", b"%d" % self._burst),
            (b"x-ratelimit-remaining", b"%d" % remaining),
            (b"x-ratelimit-reset", b"%d" % reset),
        )
        return LimitLines(
            item,
            FieldLines.of(older),
            FieldLines.of([(b"ratelimit-policy", self.policy), (b"ratelimit", item), *older]),
        )
