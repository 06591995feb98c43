"""What a rule finds in a configuration: where, what it is, what somebody does with it, and how it is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from gateway.config.acknowledgements import Acknowledgement
from gateway.review.lint.subject import Subject


class Severity(StrEnum):
    """How bad it is when somebody uses it. The order is from the worst on."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class Spot(NamedTuple):
    """One place that a rule is about: the ``path`` from the root of the files with the names of routes, policies and
    upstreams in it, such as ``routes``, ``login``, and one ``sentence`` on what is there, without a secret."""

    path: tuple[str, ...]
    sentence: str


Judge = Callable[[Subject], Iterable[Spot]]


@dataclass(frozen=True, slots=True)
class LintRule:
    """One row of ``table.RULES``. ``id`` never changes: acknowledgements and pages name it. ``why`` is what an attacker does
    with it; ``mend`` is what to write instead, in a sentence, and ``example`` the same as YAML."""

    id: str
    severity: Severity
    title: str
    why: str
    mend: str
    example: str
    judge: Judge


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. ``where`` is ``file:line``; ``path`` is that of ``Spot``, with dots. ``accepted`` is who answers for it."""

    id: str
    severity: Severity
    where: str
    path: str
    sentence: str
    title: str
    why: str
    hint: str
    accepted: Acknowledgement | None = None

    def as_dict(self) -> dict[str, object]:
        """As JSON. ``accepted`` is null for one that nobody answers for."""
        accepted = self.accepted
        file, _, line = self.where.rpartition(":")
        return {
            "id": self.id,
            "severity": str(self.severity),
            "where": self.where,
            "file": file,
            "line": int(line),
            "path": self.path,
            "title": self.title,
            "sentence": self.sentence,
            "why": self.why,
            "hint": self.hint,
            "accepted": accepted and {"by": accepted.by, "reason": accepted.reason, "until": str(accepted.until)},
        }
