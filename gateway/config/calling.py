"""What an upstream may say about how it is called: how often it is asked again.

Durations are seconds. Every default stands here and nowhere else.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from gateway.config.names import Positive
from gateway.policy.fields import Model, Share

FAILURES = ("connect", "reset", "timeout", "broken")
"""How a call comes to nothing: no connection; closed before any answer; no answer in time; an unreadable answer."""


def _failure(value: Any) -> str | int:
    if value in FAILURES:
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and (value == 429 or 500 <= value <= 599):
        return value
    raise ValueError(f"is not a way to fail: write {', '.join(FAILURES)}, 429 or a status from 500 to 599")


Failure = Annotated[
    str | int,
    PlainValidator(_failure),
    WithJsonSchema({"anyOf": [{"enum": [*FAILURES, 429]}, {"type": "integer", "minimum": 500, "maximum": 599}]}),
]


class Retries(Model):
    """When a call that came to nothing is made again."""

    attempts: Annotated[int, Field(strict=True, ge=2, le=5)] = 2
    """Calls in all, the first among them."""
    on: Annotated[tuple[Failure, ...], Field(min_length=1)] = ("connect", "reset", 502, 503, 504)
    """What is tried again; all but ``connect`` only for idempotent methods."""
    budget: Share = 0.2
    """Retries as a share of the calls of the last ten seconds, in each worker."""
    min_per_second: Annotated[int, Field(strict=True, ge=0, le=1000)] = 3
    """So many a second besides, so that an upstream with little traffic is tried again too."""
    backoff: Positive = 0.025
    """The longest pause before the first retry; doubled for each further one, and drawn from zero to that."""
    max_backoff: Positive = 0.25
    attempt_timeout: Positive | None = None
    """How long one attempt may take; without it a call that is too slow leaves no time for another."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Retries:
        if self.max_backoff < self.backoff:
            raise ValueError("max_backoff must not be shorter than backoff")
        if "timeout" in self.on and self.attempt_timeout is None:
            raise ValueError(
                "needs attempt_timeout to retry on timeout: otherwise the first attempt takes all the time"
            )
        return self
