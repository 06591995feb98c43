"""A clock that does not run backwards, so that setting one back brings no lock back to life and makes none longer."""

from __future__ import annotations

from typing import NamedTuple

# Workers read the same clock a little apart, and an adjusted clock slews; only more than this is a step.
STEP = 1.0


class MonotonicWallClock(NamedTuple):
    """``latest`` is the last moment seen, and the steady clock is ``ahead`` of the wall's, both in seconds."""

    latest: float = 0.0
    ahead: float = 0.0

    def seen(self, now: float) -> MonotonicWallClock:
        """The clock after the wall's said ``now``. Where that stepped back, it goes on from the moment before."""
        moment = now + self.ahead
        if moment >= self.latest:
            return MonotonicWallClock(moment, self.ahead)
        return self if moment >= self.latest - STEP else MonotonicWallClock(self.latest, self.latest - now)
