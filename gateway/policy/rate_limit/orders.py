"""How two limits compare."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.policy.base.order import (
    Danger,
    Effect,
    Of,
    Orders,
    SettingChange,
    changed,
    in_context,
    more_is_looser,
    neither,
    ranked_by,
)
from gateway.policy.base.written import text
from gateway.policy.rate_limit.words import CHOSEN, each_of, in_words


def key_order(old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[SettingChange]:
    """A finer key makes more buckets, each with the whole budget."""
    finer, coarser = _finer(new, old), _finer(old, new)
    if finer and coarser:
        return
    before, after = text(old), text(new)
    if coarser:
        closes = "Clients that were counted apart share one count, and can use it up for each other."
        yield changed(Effect.TIGHTENS, before, after, Danger.NONE, closes)
        return
    added = [word for word in new if not _finer(old, (word,))]
    chosen = [word for word in added if word.startswith(CHOSEN)]
    if chosen:
        who = "One address" if "address" in old else "One client"
        opens = f"{who} may now try any number of values: this limit counts each {each_of(chosen)} apart, and the client chooses it."
        if any(word.startswith("input:") for word in chosen):
            opens += " Where it names an account, any number of accounts can be tried."
    elif finer:
        opens = f"More requests may pass: each {each_of(added)} is counted apart, where all had one count together."
    else:
        opens = f"Requests are counted by something else: some that had one count together have one for each {each_of(new)}."
    yield changed(Effect.LOOSENS, before, after, Danger.CHECK if chosen else Danger.TRIES, opens)


def _finer(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two requests in one bucket by ``one`` are in one bucket by ``other``: an address has one network."""
    known = {*one, *(("network",) if "address" in one else ())}
    return known.issuperset(other)


ORDERS: Orders = {
    # By the generic cell rate algorithm whatever conforms to a limit conforms to one with a higher rate or a larger burst.
    "limit": in_context(
        lambda limit: limit.limit,
        ranked_by(
            lambda rate: rate.limit / rate.period,
            Danger.TRIES,
            "More requests pass in the long run.",
            "Fewer requests pass in the long run.",
        ),
        in_words,
    ),
    "burst": in_context(
        lambda limit: limit.at_once,
        more_is_looser(
            Danger.TRIES,
            "After a pause {after} requests pass at once, and not {before}.",
            "After a pause {after} requests pass at once, and not {before}.",
        ),
        in_words,
    ),
    "key": in_context(lambda limit: limit.key, key_order, in_words),
    # What workers take ahead of time is charged before it is used, so nothing more passes.
    "lease": Of(
        lambda limit: limit.block,
        neither(
            "Workers take another number of units ahead of time, of which a part of the burst may be missing elsewhere."
        ),
    ),
}
