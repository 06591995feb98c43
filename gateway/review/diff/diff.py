"""What differs in effect between two configurations (docs/decisions/diff.md).

Requests are split into finitely many classes; the route tables that serve say which route takes each on either side; and the
settings of the two routes are compared by what they mean. Names, defaults, files and the sequence of keys are no difference.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from gateway.config.model import Config
from gateway.config.reporting import in_force
from gateway.policy.base.order import Danger, Effect
from gateway.review.diff.batches import batches
from gateway.review.diff.budgets import Budgets
from gateway.review.diff.change import Change, by_danger
from gateway.review.diff.classes import MOST, classes
from gateway.review.diff.draft import Draft
from gateway.review.diff.gather import policy_drafts
from gateway.review.diff.parts import part_drafts, renamed, route_drafts
from gateway.review.diff.reach import aliases, closed, denials, reached
from gateway.review.diff.schemas import CompareSchemas, schema_drafts
from gateway.review.diff.side import RoutedSide
from gateway.review.diff.transitions import Transition, transitions
from gateway.review.diff.uses import Use, named, uses
from gateway.review.diff.witness.find import Finder
from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.parts import DryParts

if TYPE_CHECKING:
    from gateway.policy.schema.compare import JsonSchema
    from gateway.review.inputs import SchemaChange


def differences(
    old: Config,
    new: Config,
    *,
    witnesses: bool = True,
    compare_schemas: CompareSchemas | None = None,
    at: float | None = None,
) -> Sequence[Change]:
    """The changes from ``old`` to ``new``, what loosens first and the most dangerous first among that.

    ``witnesses``: requests that show what loosens are looked for. ``compare_schemas`` bounds the time that schemas may take; by
    default they take what they take. ``at`` is when both are in force, in Unix seconds: now by default.
    """
    now = time.time() if at is None else at

    kept = DryParts()

    def begin() -> tuple[DryRun, DryRun]:
        return DryRun(old, at=now, parts=kept), DryRun(new, at=now, parts=kept)

    runs = begin()
    before, after = (
        RoutedSide(in_force(config, now), run.runtime) for config, run in zip((old, new), runs, strict=True)
    )
    distinct = list(classes(before.config, after.config))
    found = transitions(before, after, distinct)
    several = uses(before, after, found)
    drafts = sorted(
        chain(
            _drafts(before, after, found, several, compare_schemas or _compared),
            [_NOT_COMPARED] if len(distinct) >= MOST and _may_differ(old, new) else [],
        ),
        key=lambda draft: by_danger(draft.change),
    )
    if not witnesses or not any(draft.change.loosens for draft in drafts):
        return [draft.change for draft in drafts]
    return Finder(before, after, begin, named(several), now).with_witnesses(drafts)


_NOT_COMPARED = Draft(
    change=Change(
        effect=Effect.LOOSENS,
        setting="routes",
        before="",
        after="",
        why=f"There are more than {MOST} classes of requests, and the rest was not compared.",
        danger=Danger.OPEN,
    ),
    section="routes",
)


def _may_differ(old: Config, new: Config) -> bool:
    return not old.digest or old.digest != new.digest


def _drafts(
    old: RoutedSide,
    new: RoutedSide,
    found: Sequence[Transition],
    several: Sequence[Use],
    compare_schemas: CompareSchemas,
) -> Iterator[Draft]:
    budgets = Budgets(old, new, several)
    names = renamed(old, new, several)
    yield from reached(old, new, found)
    yield from closed(old, new, found)
    yield from denials(old, new, found)
    yield from aliases(old, new, several)
    yield from batches(old, new, found)
    yield from policy_drafts(old, new, several, budgets)
    yield from budgets.drafts()
    yield from schema_drafts(old, new, several, compare_schemas)
    yield from route_drafts(old, new, several, names)
    yield from part_drafts(old, new, names, found)


def _compared(old: JsonSchema, new: JsonSchema) -> SchemaChange:
    from gateway.review.inputs import compared

    return compared(old, new)
