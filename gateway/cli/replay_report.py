"""What a replay has found, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from gateway.cli.log_files import LogFiles
from gateway.cli.sides import LoadedSide
from gateway.ops.plain import clean, rfc3339
from gateway.review.replay.evidence import PASSED
from gateway.review.replay.recorded import Where
from gateway.review.replay.replay import Replay
from gateway.review.replay.tally import BEFORE_THE_LOG, ReplaySample, Tally, VerdictChange, by_reason

Sides = tuple[LoadedSide, LoadedSide]

_SHOWN = 20  # kinds of each effect
_EFFECTS = ("refused", "passed", "otherwise", "rerouted", "undecided")


def _counters(tally: Tally) -> Iterator[tuple[str, Counter[VerdictChange]]]:
    for effect in _EFFECTS:
        yield effect, getattr(tally, effect)


def as_json(found: Replay, files: LogFiles, sides: Sides) -> dict[str, Any]:
    """The report for programs."""
    tally = found.tally
    return {
        "ok": not tally.changed and not tally.undecided,
        "old": sides[0].name,
        "new": sides[1].name,
        "requests": tally.requests,
        "unchanged": tally.unchanged,
        "changed": tally.changed,
        "would_refuse": _summed(tally.refused),
        "would_pass": _summed(tally.passed, before=True),
        "would_refuse_otherwise": _summed(tally.otherwise),
        "would_reroute": {"requests": tally.rerouted.total()},
        "may_refuse": {"requests": _passed_before(tally)},
        "may_pass": _summed(_refused_before(tally), before=True),
        "would_report": _summed(tally.reported),
        "changes": [
            {
                "effect": effect,
                "route": kind.route,
                "before": kind.before,
                "after": kind.after,
                "requests": times,
                "samples": [_sample(one, files) for one in tally.samples.get(kind, ())],
            }
            for effect, counter in _counters(tally)
            for kind, times in _sorted(counter)
        ],
        "cannot_tell": {"requests": tally.unknown.total(), "why": dict(tally.unknown.most_common())},
        "not_reproduced": [
            {"recorded": recorded, "old": judged, "requests": times}
            for (recorded, judged), times in tally.not_reproduced.most_common()
        ],
        "warm_up": {"changed": tally.changed_in_warm_up},
        "unlogged": {"refusals": tally.unlogged, "dropped": tally.dropped},
        "unreadable": {
            "lines": tally.unreadable.total(),
            "why": {
                why: {"lines": times, "first": _at(tally.unread_at[why], files)}
                for why, times in tally.unreadable.most_common()
                if why in tally.unread_at
            },
            "damaged": files.damaged,
        },
        "log": {
            "began": rfc3339(found.began) if found.began else None,
            "heads": tally.heads,
            "health": tally.health,
            "events": tally.events,
            "late": found.late,
            "configs": dict(tally.configs.most_common()),
        },
    }


def _refused_before(tally: Tally) -> dict[VerdictChange, int]:
    """What is no longer refused as it was, and of which it cannot be known whether something else refuses it."""
    return {kind: times for kind, times in tally.undecided.items() if kind.before != PASSED}


def _passed_before(tally: Tally) -> int:
    """How many requests have passed of which it cannot be known whether they would now be refused, since the sides differ."""
    return sum(times for kind, times in tally.undecided.items() if kind.before == PASSED)


def _summed(counter: Mapping[VerdictChange, int], before: bool = False) -> dict[str, Any]:
    return {"requests": sum(counter.values()), "reasons": by_reason(counter, before)}


def _sorted(counter: Counter[VerdictChange]) -> list[tuple[VerdictChange, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0].route, item[0].before, item[0].after))


def _at(where: Where, files: LogFiles) -> str:
    return f"{files.names[where.file]}:{where.line}" if where.file else ""


def _sample(one: ReplaySample, files: LogFiles) -> dict[str, Any]:
    return {
        "at": _at(one.where, files),
        "time": rfc3339(one.at),
        "id": one.id,
        "method": one.method,
        "path": one.path,
        "client": one.client,
        "warm_up": one.warm_up,
    }


def print_report(found: Replay, files: LogFiles, sides: Sides) -> None:
    """Print the report for people."""
    tally = found.tally
    lines = [_first_line(tally)]
    for effect, counter in _counters(tally):
        kinds = _sorted(counter)
        for kind, times in kinds[:_SHOWN]:
            lines.append(f"  {times:>8,}  {_described(effect, kind)}")
            lines += [f"{'':12}{_shown(one, files)}" for one in tally.samples.get(kind, ())]
        if len(kinds) > _SHOWN:
            rest = sum(times for _, times in kinds[_SHOWN:])
            lines.append(f"  {rest:>8,}  of {len(kinds) - _SHOWN} more kinds: --json has all")
    lines += list(_notes(found, files, sides))
    for line in lines:
        typer.echo(clean(line, 4096))


def _first_line(tally: Tally) -> str:
    parts = [f"{tally.refused.total():,} would now be refused{_reasons(by_reason(tally.refused))}"]
    parts.append(
        f"{tally.passed.total():,} would now pass{_reasons(by_reason(tally.passed, before=True), 'refused: ')}"
    )
    if may_refuse := _passed_before(tally):
        parts.append(f"{may_refuse:,} may be refused")
    maybe = _refused_before(tally)
    if maybe:
        parts.append(f"{sum(maybe.values()):,} may pass{_reasons(by_reason(maybe, before=True), 'refused: ')}")
    if tally.otherwise:
        parts.append(f"{tally.otherwise.total():,} would be refused for another reason")
    if tally.rerouted:
        parts.append(f"{tally.rerouted.total():,} would go to another upstream")
    return f"of {tally.requests:,} requests {', '.join(parts)}"


def _reasons(reasons: Mapping[str, int], label: str = "") -> str:
    return f" ({label}{', '.join(f'{slug} {times:,}' for slug, times in reasons.items())})" if reasons else ""


def _described(effect: str, kind: VerdictChange) -> str:
    if effect == "undecided":
        return f"{kind.route}: {kind.before} -> cannot be known: {kind.after}"
    if effect == "rerouted":
        return f"{kind.route}: to {kind.after} in place of {kind.before}"
    return f"{kind.route}: {kind.before} -> {kind.after}"


def _shown(one: ReplaySample, files: LogFiles) -> str:
    warm_up = "  (warm-up)" if one.warm_up else ""
    return f"{_at(one.where, files)}  {rfc3339(one.at)}  {one.method} {one.path}  {one.client}  {one.id}{warm_up}"


def _notes(found: Replay, files: LogFiles, sides: Sides) -> Iterator[str]:
    tally = found.tally
    if tally.reported:
        yield f"{tally.reported.total():,} would be reported{_reasons(by_reason(tally.reported))}"
    if tally.unknown:
        yield f"{tally.unknown.total():,} cannot be known:"
        yield from (f"  {times:>8,}  {why}" for why, times in tally.unknown.most_common())
    for (recorded, judged), times in tally.not_reproduced.most_common(5):
        yield f"{'':12}the log: {recorded}; {sides[0].name}: {judged}  ({times:,})"
    if tally.changed_in_warm_up:
        yield (f"{tally.changed_in_warm_up:,} of the changes are in the warm-up: {BEFORE_THE_LOG}")
    if tally.unlogged:
        yield f"{tally.unlogged:,} refusals by a limit have no line in the log: how they would fare cannot be known"
    if tally.dropped:
        yield f"{tally.dropped:,} lines were dropped when the log was written"
    if tally.unreadable:
        yield f"{tally.unreadable.total():,} lines cannot be read:"
        for why, times in tally.unreadable.most_common(5):
            first = _at(tally.unread_at.get(why, Where(0, 0)), files)
            yield f"  {times:>8,}  {why}{f'  (first: {first})' if first else ''}"
    for name in files.damaged:
        yield f"the rest of {name} cannot be read: it is cut off or damaged"
