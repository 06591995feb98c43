"""What answers tell of a limit: the fields of draft-ietf-httpapi-ratelimit-headers-11, and the older ``X-RateLimit-*``."""

from __future__ import annotations

import math
from typing import NamedTuple

from gateway.core.header_lines import HeaderLines
from gateway.state.rules.gcra import Taken

ROUND = 0.999_999
"""Added before seconds are cut to whole ones, up; less than a microsecond over is a rounding error and not a second."""


SAID = 512
"""Different answers of one limit that are kept at hand, 0.6 KiB each. A limit by the minute has some hundred of them; one
by the hour has thousands, and is asked seldom."""


class Said(NamedTuple):
    """What an answer says of one limit: its item of ``RateLimit``, the older fields, and all fields when it is alone."""

    state: bytes
    older: HeaderLines
    whole: HeaderLines


class LimitFields:
    """The fields of the limit ``name``: ``limit`` units every ``period`` seconds, ``burst`` of them at once."""

    __slots__ = ("_interval", "_said", "_state", "burst", "policy")

    def __init__(self, name: str, limit: int, period: float, burst: int) -> None:
        self.burst = burst
        self._interval = period / limit
        quoted = name.replace("\\", "\\\\").replace('"', '\\"').encode("ascii")  # a String of RFC 9651 section 3.3.3
        self.policy = b'"%b";q=%d;w=%d' % (quoted, limit, max(1, math.ceil(period)))
        self._state = b'"%b";r=%%d;t=%%d' % quoted.replace(b"%", b"%%")
        self._said: dict[tuple[int, int, int], Said] = {}

    def says(self, answer: Taken) -> Said:
        """The fields for ``answer``. There are few different ones, so they are remembered."""
        # "t" is the time in which the client can use no more than "r" (section 4.1.2): until the next unit comes back.
        # The time until all are back would promise too little, and Retry-After must not end before it (section 6).
        following = answer.reset + (answer.remaining + 1 - self.burst) * self._interval
        numbers = answer.remaining, int(following + ROUND), int(answer.reset + ROUND)
        said = self._said.get(numbers)
        if said is None:
            if len(self._said) >= SAID:
                self._said.clear()
            said = self._said[numbers] = self._say(*numbers)
        return said

    def _say(self, remaining: int, following: int, reset: int) -> Said:
        state = self._state % (remaining, max(1, following))
        older = (
            (b"x-ratelimit-limit", b"%d" % self.burst),
            (b"x-ratelimit-remaining", b"%d" % remaining),
            (b"x-ratelimit-reset", b"%d" % reset),
        )
        return Said(
            state,
            HeaderLines.of(older),
            HeaderLines.of([(b"ratelimit-policy", self.policy), (b"ratelimit", state), *older]),
        )
