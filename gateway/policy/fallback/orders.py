"""How two fallbacks compare: what a client gets instead of an error, and from whom. A response that looks like a success stands
for one that was an error, so it is the looser one; one that only reports leaves the error, so it is the stricter one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Protocol

from pydantic import JsonValue

from gateway.policy.base.order import (
    Danger,
    Effect,
    Of,
    Order,
    Orders,
    SettingChange,
    changed,
    later_is_looser,
    more_is_looser,
    neither,
    nested,
    on_is_looser,
    optional,
    ranked_by,
    read_as,
    undecidable,
)
from gateway.policy.base.written import duration, size

_ERROR = 400  # the first status of one


class Replacement(Protocol):
    """What is compared of a policy as a whole."""

    @property
    def what(self) -> str: ...

    @property
    def status(self) -> int: ...

    @property
    def mode(self) -> str: ...


def looks_good(fallback: Replacement) -> bool:
    """Whether a client takes what comes of ``fallback`` for a success."""
    return fallback.mode == "enforce" and (fallback.what in ("stale", "upstream") or fallback.status < _ERROR)


_INSTEAD = {
    "json": "A failure looks like a success, of which the content is made up.",
    "file": "A failure looks like a success, of which the content is made up.",
    "stale": "A failure looks like a success, with an earlier response.",
    "upstream": "Calls go to another upstream when the first one fails.",
}


def opened_by(fallback: Replacement) -> str:
    """Which door ``fallback`` opens where there was an error before."""
    return _INSTEAD[fallback.what]


def shown(fallback: Replacement) -> str:
    """In one or two words."""
    return fallback.what if fallback.what in ("stale", "upstream") else f"{fallback.what} {fallback.status}"


def of_another_kind(old: Replacement, new: Replacement) -> SettingChange:
    """What it does to put ``new``, which has its content from elsewhere, in place of ``old``."""
    before, after = shown(old), shown(new)
    if looks_good(new):
        return changed(Effect.LOOSENS, before, after, Danger.CHECK, opened_by(new))
    if looks_good(old):
        return changed(Effect.TIGHTENS, before, after, Danger.NONE, "A failure is an error again.")
    return changed(Effect.CHANGES, before, after, Danger.NOTE, "Clients get another error.")


def _status(old: int, new: int) -> Iterable[SettingChange]:
    sorts = {old < _ERROR, new < _ERROR}
    return (_looks_good if len(sorts) == 2 else _another_status)(old, new)


_looks_good: Order[int] = ranked_by(
    lambda status: -status, Danger.CHECK, _INSTEAD["json"], "A failure is an error again."
)
_another_status = neither("Clients get another status.")
_another_content = neither("Clients get another content.")

OF_STALE: Orders = {
    "for_": more_is_looser(Danger.LEAK, "Older responses are given.", "Old responses are given no more.", duration),
    "max": more_is_looser(Danger.LOAD, "More responses are kept.", "Fewer responses are kept.", size),
    "public": on_is_looser(
        Danger.OPEN, "A response to one user may be given to another.", "A user gets only responses to that user."
    ),
}

_mode = later_is_looser(
    ("report", "enforce"), Danger.CHECK, "It takes the place of errors.", "Errors stay errors, and are counted."
)
_another_mode = neither("It takes the place of an error, or the error stays.")
_another_end = neither("It takes the place of errors from another day on.")


def _modes(old: Replacement, new: Replacement) -> Iterable[SettingChange]:
    """One that is an error itself replaces one error by another."""
    return (_mode if looks_good(old) or looks_good(new) else _another_mode)(old.mode, new.mode)


def _shape(content: JsonValue) -> str:
    """The content on one line, which clients get to read anyway; as JSON, where true is not 1."""
    return json.dumps(content, ensure_ascii=True, sort_keys=True)


ORDERS: Orders = {
    "mode": Of(lambda fallback: fallback, _modes),
    "until": _another_end,
    "status": _status,
    "json_": read_as(_shape, _another_content),
    "file": _another_content,
    "type": _another_content,
    "stale": optional(Effect.TIGHTENS, Danger.CHECK, _INSTEAD["stale"], "A failure is an error again.", nested),
    "upstream": undecidable(Danger.OPEN, _INSTEAD["upstream"]),
}
