"""Which stage of the old side says what a stage of the new one would have said, when it judges by what no log holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.config.model import Config
from gateway.proxy.routing.route import CompiledRoute
from gateway.review.replay.evidence import PASSED, Evidence
from gateway.review.replay.steps import AskedStage, Relation, Relations

RouteSteps = tuple[CompiledRoute, Sequence[AskedStage]]
"""A route, and those of its stages that decide."""

_REMEMBERED = 8192  # combinations of routes and procedures; batches make many

Related = tuple[int, Relation] | None
"""The index of a stage, and how another one is related to it."""


class Matches:
    """The stages of routes of ``old`` beside those of ``new``."""

    def __init__(self, old: Config, new: Config) -> None:
        self._relations = Relations(old, new)
        self._known: dict[tuple[CompiledRoute, CompiledRoute, tuple[str, ...]], dict[int, Related]] = {}

    def of(
        self, old: RouteSteps, new: RouteSteps, evidence: Evidence, procedures: tuple[str, ...]
    ) -> Callable[[int], str | None]:
        """What the stage of ``new`` at an index would have said of a request, of whose way through ``old`` there is ``evidence``:
        ``PASSED``, a reason, or None where that cannot be known. ``procedures`` are those that it calls."""
        key = (old[0], new[0], procedures)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[key] = {}

        def by_record(index: int) -> str | None:
            if index not in known:
                known[index] = self._related(old[1], new[1][index], procedures)
            related = known[index]
            return None if related is None else _with(related[1], evidence.of(related[0]))

        return by_record

    def _related(self, old: Sequence[AskedStage], step: AskedStage, procedures: Sequence[str]) -> Related:
        for index, candidate in enumerate(old):
            if candidate.kind == step.kind:
                relation = self._relations.to(candidate, step, procedures)
                if relation is not Relation.UNKNOWN:
                    return index, relation
        return None


def _with(relation: Relation, found: str | None) -> str | None:
    """What a stage says of a request of which one that it is so related to has said ``found``."""
    if relation is Relation.LOOSER:
        return PASSED if found == PASSED else None
    if relation is Relation.STRICTER:
        return None if found == PASSED else found
    return found
