"""Which loosenings of a change nobody has answered for yet, and how they read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from gateway.config.model import Config
from gateway.ops.plain import redact
from gateway.process.comparison import ConfigComparison, Record, unknown

LONGEST = 512
"""Characters of a line about one."""
MOST = 1000
"""Loosenings that are listed. More of them are one change that nobody has looked through, and count as not compared."""


class Judged(NamedTuple):
    """The loosenings of a change: all, those of them that are ``open``, and the ids that have acknowledged the others."""

    all: tuple[Record, ...]
    open: tuple[Record, ...]
    acknowledged: tuple[str, ...]


def judged(comparison: ConfigComparison, old: Config, new: Config, given: Collection[str], now: float) -> Judged:
    """The loosenings of ``comparison``, where the ids in ``given`` and the files of ``new`` acknowledge some, by the day of
    ``now`` (Unix seconds). One that failed is one loosening, which has an id as well."""
    found = comparison.loosenings
    if comparison.failed or len(found) > MOST:
        found = (unknown(old, new, comparison.failed or f"{len(found)} loosenings are more than {MOST}"),)
    known = {*given, *(one.loosens for one in new.acknowledgements if one.loosens and not one.expired(now))}
    return Judged(
        found,
        tuple(one for one in found if one["id"] not in known),
        tuple(one["id"] for one in found if one["id"] in known),
    )


def sentences(loosenings: Iterable[Record]) -> Sequence[str]:
    """One line for each, for people."""
    return [_sentence(one) for one in loosenings]


def _sentence(one: Record) -> str:
    routes = f" of {', '.join(one['routes'])}" if one["routes"] else ""
    where = one["where"]["new"] or one["where"]["old"]
    change = f"{one['before'] or 'nothing'} -> {one['after'] or 'nothing'}"
    setting = one["setting"] or "the configuration"
    return redact(
        f"{where or '-'}  loosens {setting}{routes}: {change}  {one['why']}  acknowledge {one['id']}", LONGEST
    )
