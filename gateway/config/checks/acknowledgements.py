"""Reads what is acknowledged in a file, and warns where nobody will look at it again, or has to now."""

from __future__ import annotations

from pathlib import Path

from gateway.config.acknowledgements import KEY, LONGEST, Acknowledgement, WrittenAcknowledgement, day_of
from gateway.config.problem import Report
from gateway.config.tree import Mapping, Scalar, Sequence, child
from gateway.config.validate import parse


def acknowledgements_of(tree: Mapping, base: Path, report: Report, now: float) -> list[Acknowledgement]:
    """Those that one file holds. Problems and warnings go to ``report``; ``now`` is in Unix seconds."""
    written = child(tree, KEY)
    if written is None or (isinstance(written, Scalar) and written.value is None and not written.broken):
        return []
    if not isinstance(written, Sequence):
        report.add(written.position, (KEY,), "must be a list", "write - loosens: ID, by, reason and until for each")
        return []
    found = []
    for index, node in enumerate(written.items):
        path = (KEY, index)
        one = parse(WrittenAcknowledgement, node, path, base, report)
        if one is None:
            continue
        found.append(Acknowledgement(one.loosens, one.finding, one.by, one.reason, one.until, node.position, one.at))
        until = child(node, "until") or node
        if found[-1].expired(now):
            hint = "look at it again: write another day, or remove it"
            report.warn(until.position, (*path, "until"), "is over, so it acknowledges nothing any more", hint)
        elif one.until > day_of(now) + LONGEST:
            hint = "write a day on which somebody will look"
            report.warn(until.position, (*path, "until"), "is more than a year away", hint)
    return found
