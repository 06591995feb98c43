"""When a failed call is made again: only where it is safe, within a budget, and after a pause.

The pause is drawn from the whole of a growing span ("full jitter": M. Brooker, Exponential Backoff And Jitter, AWS
Architecture Blog, 2015), so that calls that failed together do not come back together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from email.utils import parsedate_to_datetime

from gateway.config.upstream_settings import RetrySettings
from gateway.core.failure import named
from gateway.core.fields import Pair
from gateway.policy.base.shares import ClientKey
from gateway.proxy.upstream.budget import Budget, Clock


def pause(retry: int, base: float, most: float, random: Callable[[], float]) -> float:
    """Seconds to wait before the ``retry``-th retry, counted from 0. ``random`` gives numbers from 0.0 to 1.0."""
    span: float = min(most, base * 2.0**retry)
    return span * random()


def retry_after(pairs: Iterable[Pair], wall: Clock) -> float:
    """Seconds that a response asks to wait (RFC 9110 10.2.3), the longest of several fields; 0.0 without any."""
    return max((_seconds(value, wall) for name, value in pairs if name == b"retry-after"), default=0.0)


def _seconds(value: bytes, wall: Clock) -> float:
    text = value.decode("latin-1")
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - wall())
    except (ValueError, OverflowError):
        return 0.0  # neither seconds nor a date


class Retry:
    """The retries of one upstream. ``on`` are the failures and statuses after which another attempt may be made."""

    def __init__(self, settings: RetrySettings, clock: Clock, wall: Clock, random: Callable[[], float]) -> None:
        self.budget = Budget(settings.budget, settings.min_per_second, clock)
        self.on = named(settings.on)
        self.attempt_timeout = settings.attempt_timeout
        self._settings = settings
        self._wall = wall
        self._random = random

    def pause(self, client: ClientKey, made: int, left: float, pairs: Iterable[Pair] = ()) -> float | None:
        """Seconds until the next attempt, None when there is to be none. ``made`` attempts of the call of ``client`` failed;
        ``left`` seconds remain for the whole call; ``pairs`` are the fields of the last response, if any. Spends from the
        budget."""
        settings = self._settings
        if made >= settings.attempts:
            return None
        seconds = max(
            pause(made - 1, settings.backoff, settings.max_backoff, self._random), retry_after(pairs, self._wall)
        )
        if seconds >= left or not self.budget.spend(client):
            return None
        return seconds
