"""Whether it is known how a circuit is, when of some calls to its upstream it is not known how they went.

A side lets calls through that were never made, and a log has nothing of what would have come of them. While they are too few to
open the circuit with all failures around them, it is closed whatever came of them.
"""

from __future__ import annotations

from gateway.policy.breaker.breaker import Settings


class Doubt:
    """Of one circuit with ``settings``. Outcomes are noted in the order in which the calls end, at ``now``, Unix seconds."""

    __slots__ = ("_in_a_row", "_most", "_settle_after", "_since", "_successes", "_unknown", "_well", "open")

    def __init__(self, settings: Settings) -> None:
        # A share of failures cannot be followed by counting those in a row.
        self._most = settings.failures if settings.ratio is None else 1
        self._settle_after = settings.recover_after + (settings.window if settings.ratio is not None else 0.0)
        self._successes = settings.successes
        self._in_a_row = 0
        self._unknown = 0
        self._well = 0
        self._since = 0.0
        self.open = False
        """Whether the circuit may be open or closed."""

    def unknown(self, now: float) -> None:
        """A call was made, or may have been, of which nothing is known."""
        self._unknown += 1
        self.failed(now)

    def failed(self, now: float) -> None:
        """A call has failed."""
        self._in_a_row += 1
        self._well = 0
        if self.open or (self._unknown and self._in_a_row >= self._most):
            self.open = True
            self._since = now

    def succeeded(self, now: float) -> None:
        """A call went well. When that has closed the circuit if it was open, nothing is in doubt any more."""
        if self.open:
            self._well += now > self._since + self._settle_after
            if self._well < self._successes:
                return
        self.open = False
        self._in_a_row = self._unknown = self._well = 0
