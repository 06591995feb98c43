"""Requests that are counted: by limits, by lockouts, by breakers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gateway.policy.base.settings import Policy
from gateway.policy.breaker.breaker import Settings as Breaker
from gateway.policy.lockout.settings import Settings as Lockout
from gateway.policy.rate_limit.rate_limit import Settings as Limit
from gateway.review.diff.change import SentRequest
from gateway.review.diff.witness.probe import Probe, Question
from gateway.review.diff.witness.spread import by_parts, through_others

MOST = 1_000
"""Requests that one witness may take."""

_OTHERS = 1_000_000
"""Added to the number of a trial: nobody else has the accounts that come of it."""

_OWN = ("address", "network", "principal")
"""What each client of a trial has of its own."""


def limit(question: Question) -> Iterator[Probe]:
    """One request more than the old limit let through at once, or so many at a pace that only the new one bears."""
    base, (old, new) = question.base, question.policies
    if not isinstance(old, Limit):
        return
    shares = not set(old.key) & set(_OWN)
    after = new if isinstance(new, Limit) else None
    of_key = question.path[:1] in ((), ("key",))
    if of_key and after is not None and "route" in after.key and "route" not in old.key:
        yield from split(question)
    # To be counted apart by a finer key, the last of them has another value of its own.
    for varied in _varied(question, old, after) if of_key else ():
        yield Probe(varied, (replace(base, repeat=min(old.at_once, MOST)),), shares)
    if old.at_once < MOST:
        yield Probe(replace(base, repeat=old.at_once + 1), (), shares)
    if after is not None:
        pace, was = after.limit.period / after.limit.limit, old.limit.period / old.limit.limit
        if pace < was:
            count = int(old.at_once / (1 - pace / was)) + 2
            if count < MOST:
                yield Probe(replace(base, repeat=count, every=pace), (), shares)
    yield from by_parts(question, old)
    yield from through_others(question, old)


def _varied(question: Question, old: Limit, new: Limit | None) -> Iterator[SentRequest]:
    """The request with another value of what the new limit counts apart, or, without one, of what a client has beside the old key."""
    base = question.base
    words = ("address", "principal") if new is None else new.key
    for word in words:
        if word in old.key or (word == "address" and new is None and "network" in old.key):
            continue
        if word.startswith("header:"):
            yield replace(base, headers=(*base.headers, (word.removeprefix("header:"), "another")))
        elif word.startswith("input:"):
            other = question.sample.request(question.number + _OTHERS)
            yield replace(other, address=base.address, claims=base.claims)
        elif word in ("address", "network"):
            part = base.address.split(".")
            yield replace(base, address=".".join([*part[:3], "8"]))
            yield replace(base, address=".".join([part[0], "19", part[2], "8"]))
        elif word == "principal" and base.claims is not None:
            yield replace(base, claims={**base.claims, "sub": "another"})


def split(question: Question) -> Iterator[Probe]:
    """The budget of one route used up, and one request through another."""
    sample = question.sample
    name = question.draft.change.setting.split(".")[1]
    if question.before is None:
        return
    old = question.before.side.config.policies["rate_limits"].get(name)
    if not isinstance(old, Limit) or old.at_once > MOST:
        return
    for other, found in question.draft.requests.items():
        if other != sample.route.name and found:
            through = replace(sample, route=sample.side.routes[other], transition=found[0]).request(question.number)
            yield Probe(question.base, (replace(through, repeat=old.at_once),), not set(old.key) & set(_OWN))


def lockout(question: Question) -> Iterator[Probe]:
    """So many failures as locked, and one more; and the one that comes when the old lock was still set."""
    base, (old, new) = question.base, question.policies
    if not isinstance(old, Lockout):
        return
    after = new if isinstance(new, Lockout) else None
    failed = replace(base, upstream=old.on_status[0])
    rules = [(old.failures, old.within)]
    rules += [(rule.failures, rule.within) for rule in (old.address, old.everywhere) if rule is not None]
    for count, within in sorted(rules):
        # At once, and as slowly as they count together: a limit may not bear more.
        for pace in (0.0, within // (count + 1)) if count < MOST else ():
            yield Probe(replace(failed, repeat=2, every=pace), (replace(failed, repeat=count - 1, every=pace),))
    if after is None:
        return
    for status in sorted(set(old.on_status) - set(after.on_status)):
        other = replace(base, upstream=status)
        yield Probe(other, (replace(other, repeat=old.failures),))
    # When the new lock is over, and the old one is not; and when the new side has forgotten what the old one still counts.
    for wait in (after.lock_for[0] + 1, after.within + 1):
        yield Probe(replace(failed, repeat=2, every=wait), (replace(failed, repeat=max(1, old.failures - 1)),))


def breaker(question: Question) -> Iterator[Probe]:
    """So many failures of the upstream as opened the circuit, and one call more."""
    old: Policy | None = question.policies[0]
    if old is None and question.before is not None:
        old = question.before.breaker()
    if not isinstance(old, Breaker):
        return
    statuses = [each for each in old.count if isinstance(each, int)]
    if statuses and old.failures < MOST:
        failing = replace(question.base, upstream=statuses[0])
        yield Probe(failing, (replace(failing, repeat=old.failures),), shares=True)
