"""Requests that use up one budget of a limit although other limits of the same route are tighter: these count apart what it counts
together, or another route that shares the budget is without them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gateway.policy.rate_limit.rate_limit import Settings as Limit
from gateway.review.diff.change import SentRequest
from gateway.review.diff.side import RoutedSide
from gateway.review.diff.witness.probe import Probe, Question
from gateway.review.diff.witness.sample import Sample

_MOST_PARTS = 32
_APART = 1_000
"""Between the numbers of parts: more than there are questions."""


def by_parts(question: Question, old: Limit) -> Iterator[Probe]:
    """As many requests as ``old`` lets through at once and one more, in parts that the other limits of the route count apart."""
    each = min((limit.at_once for side in (question.before, question.sample) for limit in _of(side)), default=0)
    if not each or old.at_once > each * _MOST_PARTS:
        return
    counts = [each] * (old.at_once // each) + [old.at_once % each]
    earlier = [replace(_part(question, old, part), repeat=count) for part, count in enumerate(counts) if count]
    yield Probe(_part(question, old, len(counts)), tuple(earlier), shares=True)


def through_others(question: Question, old: Limit) -> Iterator[Probe]:
    """The budget of ``old`` used up through another route, and one request through that of ``question``."""
    before, sample = question.before, question.sample
    for name, several in question.elsewhere.items():
        if before is None or not several or name == sample.route.name:
            continue
        shares = old in _limits(before.side, several[0].before.route)
        if shares and all(limit.at_once >= old.at_once for limit in _limits(sample.side, name)):
            through = replace(sample, route=sample.side.routes[name], transition=several[0])
            sent = replace(through.request(question.number), repeat=old.at_once)
            yield Probe(question.base, (sent,), shares=True)
            return


def _of(sample: Sample | None) -> list[Limit]:
    return _limits(sample.side, sample.route.name) if sample is not None else []


def _limits(side: RoutedSide, route: str) -> list[Limit]:
    names = side.routes[route].policies.get("rate_limits", ()) if route in side.routes else ()
    found = [side.policy("rate_limits", name) for name in names]
    return [limit for limit in found if isinstance(limit, Limit)]


def _part(question: Question, old: Limit, part: int) -> SentRequest:
    """A request that passes, as ``question.base`` does, and differs from those of other parts in what ``old`` does not count by."""
    base = question.base
    other = question.sample.request(question.number + _APART * part)
    content = base if any(word.startswith("input:") for word in old.key) else other
    address = other.address
    if "address" in old.key:
        address = base.address
    elif "network" in old.key:
        network, _, host = base.address.rpartition(".")
        address = f"{network}.{int(host) + part}"
    return replace(content, address=address, claims=base.claims if "principal" in old.key else other.claims)
