"""How the keys and the leases of two limits compare."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.policy.base.order import Danger, Effect, SettingChange, changed, neither
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


lease_order = neither(
    "Workers take units ahead of time, so a part of the burst may be missing elsewhere; none is added."
)
