"""A review as SARIF, for code hosts that show results beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.policy.base.order import Effect
from gateway.review.diff.curl import times_of
from gateway.review.diff.review import Locate, Review, ReviewedChange
from gateway.review.sarif import JsonObject, Level, SarifResult, SarifRule, sarif

_RULES = (
    SarifRule(
        Effect.LOOSENS,
        "A change opens a door: a request that was refused may pass.",
        "Take it back, or acknowledge it in the files: docs/reviewing.md.",
    ),
    SarifRule(Effect.CHANGES, "A change neither opens nor closes a door."),
    SarifRule(Effect.TIGHTENS, "A change closes a door: a request that passed may be refused."),
)


def as_sarif(review: Review, version: str, old: Locate = str, new: Locate = str) -> JsonObject:
    """The log of this review. ``version`` is that of the gateway; ``old`` and ``new`` make a position of a side one from the root
    of the repository."""
    return sarif(version, _RULES, _results(review, old, new))


def _results(review: Review, old: Locate, new: Locate) -> Iterator[SarifResult]:
    for change in review.changes:
        accepted = ""
        if change.acknowledged is not None:
            by, reason, until = change.acknowledged
            accepted = f"{by} until {until}: {reason}"
        level = Level.ERROR if change.effect is Effect.LOOSENS else Level.NOTE
        # What is gone has no line in the new files: it is shown where it was.
        where = new(change.where_new) if change.where_new else old(change.where_old)
        yield SarifResult(change.effect, level, _message(change), where, change.id, accepted)


def _message(change: ReviewedChange) -> str:
    routes = f" Routes: {', '.join(change.routes)}." if change.routes else ""
    shown = next(iter(change.witnesses.values()), None)
    request = (
        f" {shown.method} {shown.target}{f' {times_of(shown)}' if shown.repeat > 1 else ''}:"
        f" {shown.before} before, {shown.after} now."
        if shown is not None
        else ""
    )
    return f"{change.setting}: {change.before or 'none'} -> {change.after or 'none'}. {change.why}{routes}{request}"
