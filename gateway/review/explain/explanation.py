"""What ``gateway explain`` says of one request, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gateway.review.dry_run.outcome import Outcome
from gateway.review.dry_run.trace import TracedStage
from gateway.review.dry_run.wire import Forwarded
from gateway.review.explain.above import NotTaken

DEFAULT = "default"
"""Where a setting is written that is not."""


class StageSetting(NamedTuple):
    """One setting of a stage as people write it, and where."""

    name: str
    value: str
    where: str


class ExplainedStage(NamedTuple):
    """A stage, its settings, and where the route or ``defaults`` name its policy."""

    stage: TracedStage
    settings: Sequence[StageSetting] = ()
    named: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One request explained. ``where`` is that of its route; ``notes`` are sentences about what this cannot know."""

    outcome: Outcome
    where: str
    above: Sequence[NotTaken]
    stages: Sequence[ExplainedStage]
    notes: Sequence[str] = ()

    @property
    def canonical(self) -> str:
        """Method and canonical target on one line, empty for a request that has no canonical spelling."""
        method, path, query = self.outcome.canonical
        return f"{method} {path}{'?' + query if query else ''}" if path else ""

    def as_dict(self) -> dict[str, Any]:
        """As JSON. The body is text where it is UTF-8."""
        outcome = self.outcome
        return {
            "canonical": self.canonical,
            "method": outcome.canonical.method,
            "path": outcome.canonical.path,
            "query": outcome.canonical.query,
            "route": outcome.route,
            "where": self.where,
            "above": [one._asdict() for one in self.above],
            "calls": [call._asdict() for call in outcome.calls],
            "stages": [_stage(each) for each in self.stages],
            "verdict": outcome.verdict,
            "detail": outcome.detail,
            "status": outcome.status,
            "reported": list(outcome.reported),
            "fallback": outcome.fallback,
            "forwarded": [_forwarded(one) for one in outcome.forwarded],
            "response": {
                "status": outcome.status,
                "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in outcome.fields],
                "body": outcome.body.decode("utf-8", "replace"),
            },
            "notes": list(self.notes),
        }


def _forwarded(one: Forwarded) -> dict[str, Any]:
    """A request as an upstream gets it, of its fields the names alone: the values may be secrets."""
    names = list(dict.fromkeys(name.decode("latin-1").lower() for name, _ in one.fields))
    return {"upstream": one.upstream, "method": one.method, "target": one.target, "headers": names}


def _stage(each: ExplainedStage) -> dict[str, Any]:
    stage = each.stage
    return {
        "stage": stage.kind,
        "policy": stage.policy,
        "where": stage.where or DEFAULT,
        "named": each.named,
        "verdict": stage.verdict,
        "detail": stage.detail,
        "settings": [setting._asdict() for setting in each.settings],
    }
