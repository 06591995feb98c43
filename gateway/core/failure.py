"""How a call to an upstream comes to nothing: the one table that retries, outlier ejection and breakers share."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple


class CallFailure(Enum):
    """One way to fail, named where it is seen (``proxy.pool.errors.UpstreamError.kind``).

    ``word`` is its name in the settings of retries and outlier ejection, empty for the gateway's own limit, which no
    setting can count. ``slug`` is the reason that the client gets.
    """

    CONNECT = "connect", "upstream_unreachable"  # no connection was made
    CONNECT_TIMEOUT = "connect", "upstream_connect_timeout"  # no connection was made in time
    RESET = "reset", "upstream_broken"  # a new connection was closed before any byte of a response
    RESET_REUSED = "reset", "upstream_unreachable"  # the same of a connection that had served a call before
    TIMEOUT = "timeout", "upstream_timeout"  # no response began in time
    STALLED = "timeout", "upstream_stalled"  # a response stopped in the middle
    TOTAL_TIMEOUT = "timeout", "upstream_total_timeout"  # the whole call took too long
    BROKEN = "broken", "upstream_broken"  # a response that cannot be read or breaks off
    BUSY = "", "upstream_busy"  # the gateway has as many connections as it may have, or can have (``core.shortage``)

    def __init__(self, word: str, slug: str) -> None:
        self.word = word
        self.slug = slug

    @property
    def label(self) -> str:
        """Its name for operators: ``connect_timeout``."""
        return self.name.lower()


class Cause(NamedTuple):
    """Why a call or a health check counts as failed, for operators.

    ``failure`` is the label of a ``CallFailure``, or BY_STATUS or SLOW for a response that came: with ``status``, which is 0
    without one. ``error`` says it in words and ``address`` where it was, as ``host:port``. ``at`` is in Unix seconds.
    """

    failure: str
    status: int
    error: str
    address: str
    at: float

    @property
    def fields(self) -> dict[str, object]:
        """The fields of an event about it: those that say something."""
        named = {"failure": self.failure, "status": self.status, "error": self.error, "address": self.address}
        return {name: value for name, value in named.items() if value}


BY_STATUS, SLOW = "status", "slow"


BEFORE_SENDING = frozenset({CallFailure.CONNECT, CallFailure.CONNECT_TIMEOUT})
"""Failures that no client can cause: they come before the first byte of a request."""

WORDS = tuple(dict.fromkeys(failure.word for failure in CallFailure if failure.word))
"""The words that settings may use."""


def named(words: Iterable[str | int]) -> frozenset[CallFailure | int]:
    """The failures that ``words`` name; statuses among them stay as they are."""
    listed = frozenset(words)
    failures = {failure for failure in CallFailure if failure.word in listed}
    return frozenset(word for word in listed if isinstance(word, int)) | failures
