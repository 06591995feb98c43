"""A wall clock that does not run backwards, so that setting one back revives no lock and makes none longer."""

from __future__ import annotations

from typing import NamedTuple

# Workers read the same clock a little apart, and an adjusted clock slews; only more than this is a step.
STEP = 1.0


class MonotonicWallClock(NamedTuple):
    """``latest`` is the latest moment so far, in Unix seconds of this clock, which is ``ahead`` seconds of the wall's."""

    latest: float = 0.0
    ahead: float = 0.0

    def advanced(self, now: float) -> MonotonicWallClock:
        """The clock at ``now`` by the wall clock. Where that stepped back, this one goes on from its latest moment."""
        moment = now + self.ahead
        if moment >= self.latest:
            return MonotonicWallClock(moment, self.ahead)
        return self if moment >= self.latest - STEP else MonotonicWallClock(self.latest, self.latest - now)
