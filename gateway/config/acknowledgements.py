"""``acknowledge:`` in the files: a change or a finding that somebody has looked at and answers for, until a day.

What is acknowledged is named by its id, which is bound to its content: a loosening that grows has another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator, model_validator

from gateway.config.tree import Position
from gateway.policy.base.settings import Advice, Day, Model

KEY = "acknowledge"
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,199}$"

LONGEST = timedelta(days=366)
"""A day that is further away is none on which anybody will look again."""

EVERYWHERE = "all"
"""In place of a path: the finding is accepted wherever it is."""

BY = "who answers for it"
REASON = "why it may be so"
"""What stands where somebody has to write: an acknowledgement that is proposed, and not yet made, says so."""

_TEXT = 500  # characters of a name or a reason

ChangeId = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Text = Annotated[str, Field(max_length=_TEXT)]


class WrittenAcknowledgement(Model):
    """A loosening change or a finding that somebody answers for. It names one of the two, who, why and until when."""

    loosens: ChangeId | None = None
    """The id of a change, as ``gateway diff`` shows it."""
    finding: ChangeId | None = None
    """The id of a finding, as ``gateway check`` shows it."""
    at: Annotated[str, Field(min_length=1, max_length=_TEXT)] = EVERYWHERE
    """Where the finding is accepted: a path as it is shown with it, such as ``routes.login``, or ``all``, as by default."""
    by: Text
    """Who answers for it."""
    reason: Text
    """Why it may be so."""
    until: Day
    """The last day (UTC), after which it has to be looked at again."""

    @field_validator("loosens", "finding", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        # Of an id such as 12345678 or 1e10 YAML makes a number, and the zeros in front of it are lost.
        if isinstance(value, int | float):
            raise Advice("is a number to YAML", 'put quotes around the id, such as "12345678"')
        return value

    @field_validator("by", "reason")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be empty")
        if " ".join(value.split()).casefold().rstrip(".") in (BY, REASON):
            raise Advice("is still the text that was proposed", "write a name for by, and a sentence for reason")
        return value

    @model_validator(mode="after")
    def _one(self) -> WrittenAcknowledgement:
        if (self.loosens is None) == (self.finding is None):
            raise Advice("must name one thing", "write loosens: ID for a change, or finding: ID for a finding")
        if self.loosens is not None and "at" in self.model_fields_set:
            raise Advice("has at, which is for a finding: a change says itself where it is", "remove at")
        return self


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One acknowledgement, of the change ``loosens`` or of the ``finding``; the other is None. ``at`` is where the finding is
    accepted."""

    loosens: str | None
    finding: str | None
    by: str
    reason: str
    until: date
    position: Position
    at: str = EVERYWHERE

    def expired(self, now: float) -> bool:
        """Whether the day ``until`` is over at ``now``, in Unix seconds. It acknowledges nothing then."""
        return day_of(now) > self.until


def day_of(now: float) -> date:
    """The day of ``now``, which is in Unix seconds, in UTC."""
    return datetime.fromtimestamp(now, UTC).date()
