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
    more_is_looser,
    neither,
    ranked_by,
)
from gateway.policy.base.written import text

_CHOSEN = ("header:", "input:")
"""What a client writes as it likes."""


def key_order(old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[SettingChange]:
    """A finer key makes more buckets, each with the whole budget."""
    finer, coarser = _finer(new, old), _finer(old, new)
    if finer and coarser:
        return
    before, after = text(old), text(new)
    if coarser:
        closes = "Clients that counted apart share one budget, and can use it up for each other."
        yield changed(Effect.TIGHTENS, before, after, Danger.NONE, closes)
        return
    added = [word for word in new if not _finer(old, (word,))]
    chosen = [word for word in added if word.startswith(_CHOSEN)]
    if chosen:
        opens = f"A client gets a budget of its own for each value of {', '.join(chosen)}, which it chooses itself."
    elif finer:
        opens = f"Each value of {', '.join(added)} has a budget of its own, where all shared one."
    else:
        opens = "Requests are counted by something else: some that shared a budget have one each."
    yield changed(Effect.LOOSENS, before, after, Danger.CHECK if chosen else Danger.TRIES, opens)


def _finer(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two requests in one bucket by ``one`` are in one bucket by ``other``: an address has one network."""
    known = {*one, *(("network",) if "address" in one else ())}
    return known.issuperset(other)


ORDERS: Orders = {
    # By the generic cell rate algorithm whatever conforms to a limit conforms to one with a higher rate or a larger burst.
    "limit": ranked_by(
        lambda rate: rate.limit / rate.period,
        Danger.TRIES,
        "More requests pass in the long run.",
        "Fewer requests pass in the long run.",
    ),
    "burst": Of(
        lambda limit: limit.at_once,
        more_is_looser(Danger.TRIES, "More requests pass at once.", "Fewer requests pass at once."),
    ),
    "key": key_order,
    # What workers take ahead of time is charged before it is used, so nothing more passes.
    "lease": Of(
        lambda limit: limit.block,
        neither(
            "Workers take another number of units ahead of time, of which a part of the burst may be missing elsewhere."
        ),
    ),
}
