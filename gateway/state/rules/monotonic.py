"""Clocks that do not run backwards, so that setting a wall clock revives no lock, makes none longer, and lifts none."""

from __future__ import annotations

from typing import NamedTuple

# Workers read the same clock a little apart, and an adjusted clock slews; only more than this is a step.
STEP = 1.0


class MonotonicWallClock(NamedTuple):
    """``latest`` is the latest moment so far, in Unix seconds of this clock, which is ``ahead`` seconds of the wall's.

    It knows the wall clock only. So it goes on where that steps back, and cannot tell a step ahead from time that passed.
    """

    latest: float = 0.0
    ahead: float = 0.0

    def advanced(self, now: float) -> MonotonicWallClock:
        """The clock at ``now`` by the wall clock. Where that stepped back, this one goes on from its latest moment."""
        moment = now + self.ahead
        if moment >= self.latest:
            return MonotonicWallClock(moment, self.ahead)
        return self if moment >= self.latest - STEP else MonotonicWallClock(self.latest, self.latest - now)


class BootClock(NamedTuple):
    """A clock that goes by the time since the machine started, and by the wall clock only from one start to the next.

    ``boot`` names the time since the machine started; in it the clock is ``offset`` ahead of the seconds since then, sleep
    included (CLOCK_BOOTTIME). ``latest`` and ``wall`` are a moment of it and of the wall clock together.
    """

    boot: bytes
    offset: float
    latest: float
    wall: float

    def moment(self, since_boot: float) -> float:
        """The clock's Unix seconds."""
        return since_boot + self.offset

    def noted(self, since_boot: float, now: float) -> BootClock:
        """The same clock with this moment to go by after the next start of the machine."""
        return self._replace(latest=self.moment(since_boot), wall=now)


def boot_clock(
    before: BootClock | None, wall_clock: MonotonicWallClock, boot: bytes, since_boot: float, now: float
) -> BootClock:
    """The clock ``since_boot`` seconds after the machine started. ``before`` is what is known of it, ``wall_clock`` what
    was used where it is not known. While the machine was off as much time has passed as the wall clock says, and none
    where that says less than none."""
    if before is not None and before.boot == boot:
        return before.noted(since_boot, now)
    if before is not None:
        moment = before.latest + max(0.0, now - before.wall)
    else:
        moment = max(wall_clock.latest, now + wall_clock.ahead)
    return BootClock(boot, moment - since_boot, moment, now)
