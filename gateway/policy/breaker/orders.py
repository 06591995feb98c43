"""How two breakers compare. One that opens later or closes sooner lets calls through that were refused, so it is looser; nobody
comes in by that, and the upstream has more to bear."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gateway.policy.base.order import (
    Danger,
    Effect,
    Of,
    Orders,
    SettingChange,
    each_by_key,
    larger_set_is_looser,
    later_is_looser,
    less_is_looser,
    more_is_looser,
    smaller_set_is_looser,
    undecidable,
)
from gateway.policy.base.written import duration, share

_LATER = "An upstream that fails gets more calls before it is left in peace."
_SOONER = "Calls are refused after fewer failures."
_BACK_SOONER = "An upstream that failed gets calls again sooner."
_BACK_LATER = "Calls are refused for longer after failures."


class _Breaker(Protocol):
    """What says whether a share of failures counts."""

    @property
    def ratio(self) -> float | None: ...

    @property
    def window(self) -> float: ...

    @property
    def min_volume(self) -> int: ...


def _with_ratio(old: _Breaker, new: _Breaker) -> bool:
    """Whether both look at the share: without it ``window`` and ``min_volume`` decide nothing."""
    return old.ratio is not None and new.ratio is not None


def _windows(old: _Breaker, new: _Breaker) -> Iterable[SettingChange]:
    return _window(old.window, new.window) if _with_ratio(old, new) else ()


def _volumes(old: _Breaker, new: _Breaker) -> Iterable[SettingChange]:
    return _volume(old.min_volume, new.min_volume) if _with_ratio(old, new) else ()


_window = undecidable(Danger.LOAD, "The share of failures is taken over another time.", duration)
_volume = more_is_looser(Danger.LOAD, _LATER, _SOONER)

ORDERS: Orders = {
    "mode": later_is_looser(
        ("enforce", "report"),
        Danger.LOAD,
        "An upstream that fails gets every call.",
        "Calls are refused while the upstream fails.",
    ),
    "failures": more_is_looser(Danger.LOAD, _LATER, _SOONER),
    "ratio": more_is_looser(Danger.LOAD, _LATER, _SOONER, share),
    "window": Of(lambda breaker: breaker, _windows),
    "min_volume": Of(lambda breaker: breaker, _volumes),
    "recover_after": less_is_looser(Danger.LOAD, _BACK_SOONER, _BACK_LATER, duration),
    "successes": less_is_looser(Danger.LOAD, _BACK_SOONER, _BACK_LATER),
    "slow_after": more_is_looser(
        Danger.LOAD, "Slow responses count as failures later, or never.", "Slow responses count as failures.", duration
    ),
    "probe_timeout": less_is_looser(
        Danger.LOAD, "The next try of an upstream waits less for one that is lost.", _BACK_LATER, duration
    ),
    "probe": later_is_looser(
        ("health_check", "request"),
        Danger.LOAD,
        "Calls of users try an upstream that failed.",
        "Calls of users are refused until a health check finds the upstream well.",
    ),
    "count": smaller_set_is_looser(Danger.LOAD, "Some failures count no more.", "More counts as a failure."),
    "ignore": each_by_key(
        Effect.LOOSENS,
        Danger.LOAD,
        "Some statuses of this route count no more.",
        "All statuses of this route count.",
        larger_set_is_looser(
            Danger.LOAD, "More statuses of this route count no more.", "More statuses of this route count."
        ),
    ),
}
