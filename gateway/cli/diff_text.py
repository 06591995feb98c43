"""A review for a terminal, and for a pipe without colours."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from gateway.cli.load import console
from gateway.ops.plain import clean
from gateway.policy.base.order import Effect
from gateway.review.diff.curl import command, times_of
from gateway.review.diff.review import Review, ReviewedChange
from gateway.review.diff.sentences import routes, title, verdicts

_STYLES = {Effect.LOOSENS: "bold red", Effect.CHANGES: "yellow", Effect.TIGHTENS: "green"}
_VALUE = 400  # characters of a value
_SENTENCES = 2000  # of what is said of one change
_LONGEST = 20_000  # characters of a command
_MARGIN = " " * 10


def print_review(review: Review) -> None:
    """Prints each change with its lines below it, and how many there are. Nothing of the files reaches the terminal as more than
    text."""
    out = console()
    if not review.changes:
        out.print(
            Text(f"no change in effect: {clean(review.old)} and {clean(review.new)} decide alike"), soft_wrap=True
        )
    for change in review.changes:
        _print(change, review, out)
    if review.changes:
        out.print(Text(_counted(review)), soft_wrap=True)
    for note in review.notes:
        out.print(Text(f"note: {clean(note, _VALUE)}"), soft_wrap=True)


def _print(change: ReviewedChange, review: Review, out: Console) -> None:
    style = "yellow" if change.acknowledged is not None else _STYLES[change.effect]
    values = f"{clean(change.before, _VALUE) or 'none'} -> {clean(change.after, _VALUE) or 'none'}"
    head = Text.assemble((f"{change.effect:<10}", style), (clean(change.setting), "bold"), f"  {values}")
    out.print(head, soft_wrap=True)
    for label, line in _lines(change, review):
        out.print(Text.assemble(_MARGIN, (f"{label:<9}", "dim"), line), soft_wrap=True)


def _lines(change: ReviewedChange, review: Review) -> Iterator[tuple[str, str]]:
    first, rest = title(change)
    yield "why", clean(first, _SENTENCES)
    if rest:
        yield "", clean(rest, _SENTENCES)
    if change.routes:
        yield "routes", clean(routes(change, review), _SENTENCES)
    yield (
        "where",
        f"{clean(change.where_new) or 'not written any more'} (before: {clean(change.where_old) or 'not written'})",
    )
    if change.effect is not Effect.LOOSENS:
        return
    for route, witness in list(change.witnesses.items())[:1]:
        times = f" {times_of(witness)}" if witness.repeat > 1 else ""
        of_route = f" ({clean(route)})" if route and len(change.routes) > 1 else ""
        request = f"{witness.method} {clean(witness.target, _VALUE)}{times}{of_route}"
        yield "shown by", f"{request}: {clean(witness.before)} before, {clean(witness.after)} now"
        for line in command(witness, review.public, review.egress).split("\n"):
            yield "", clean(line, _LONGEST)
        yield "", clean(verdicts(witness), _VALUE)
    if not change.witnesses and change.unwitnessed:
        yield "no curl", clean(change.unwitnessed, _VALUE)
    if change.acknowledged is not None:
        by, reason, until = change.acknowledged
        yield "accepted", clean(f"by {by} until {until}: {reason}", _VALUE)
    yield "id", clean(change.id)


def _counted(review: Review) -> str:
    """How many changes of each kind there are, each once whatever routes it concerns."""
    counts = {
        "loosen": len(review.of(Effect.LOOSENS)),
        "loosen and are acknowledged": len(review.of(Effect.LOOSENS, acknowledged=True)),
        "tighten": len(review.of(Effect.TIGHTENS)),
        "do neither": len(review.of(Effect.CHANGES)),
    }
    return "changes: " + (", ".join(f"{count} {what}" for what, count in counts.items() if count))
