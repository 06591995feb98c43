"""How two forms compare, part by part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from pydantic import BaseModel

from gateway.policy.base.order import (
    Danger,
    Effect,
    Of,
    Order,
    Orders,
    SettingChange,
    below,
    by_inclusion,
    changed,
    compared,
    each_by_key,
    larger_set_is_looser,
    more_is_looser,
    neither,
    on_is_looser,
    undecidable,
)
from gateway.policy.base.written import NONE, size, text
from gateway.policy.upload.pattern import alternatives

_FILES = larger_set_is_looser(Danger.CHECK, "Files of more media types pass.", "Files of fewer media types pass.")
_OF_ANOTHER_SORT: Order[tuple[str, ...]] = undecidable(Danger.CHECK, "A text becomes a file, or a file a text.")


def _types(old: tuple[str, ...], new: tuple[str, ...]) -> Iterable[SettingChange]:
    """Without types a part is a text."""
    return (_FILES if old and new else _OF_ANOTHER_SORT)(old, new)


def _matches_all(wide: str | None, narrow: str | None) -> bool:
    """Whether it is plain that ``wide`` matches whatever ``narrow`` does: each alternative of the one is one of the other."""
    if wide is None or narrow is None:
        return wide is None
    return alternatives(wide) >= alternatives(narrow)


OF_PARTS: Orders = {
    "types": _types,
    "max": more_is_looser(Danger.LOAD, "A longer one passes.", "A longer one is refused.", size),
    "required": Of(
        lambda part: not part.required,
        on_is_looser(
            Danger.CHECK,
            "A form without it passes.",
            "A form without it is refused.",
            lambda optional: text(not optional),
        ),
    ),
    "as_": each_by_key(
        Effect.LOOSENS,
        Danger.CHECK,
        "Files that are declared so pass under another name.",
        "Files that are declared so are refused.",
        neither("The upstream is given another type for files that are declared so."),
    ),
    "pattern": by_inclusion(
        _matches_all,
        Danger.CHECK,
        "Texts that the pattern did not match may pass.",
        "Fewer texts pass.",
    ),
}


class _Part(Protocol):
    """What is compared of a part that only one side has."""

    @property
    def types(self) -> tuple[str, ...]: ...

    @property
    def max(self) -> int: ...

    @property
    def required(self) -> bool: ...


def _shown(part: _Part | None) -> str:
    if part is None:
        return NONE
    what = f"file of {', '.join(part.types)}" if part.types else "text"
    return f"{what}, at most {size(part.max)}{', required' if part.required else ''}"


def _parts(old: Mapping[str, _Part], new: Mapping[str, _Part]) -> Iterator[SettingChange]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            yield below(name, _in_one(before, after))
        elif isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from (below(name, change) for change in compared(before, after))


def _in_one(before: _Part | None, after: _Part | None) -> SettingChange:
    """A form with a part that it may not have is refused, and so is one without a part that it must have: a part of the second
    sort lets through what was refused whether it comes or goes."""
    part = before or after
    looser = before is None or (part is not None and part.required)
    if before is None:
        why = "A form with one more part passes."
    else:
        why = "A form without it passes." if looser else "A form with it is refused."
    was, becomes = (_shown(side) for side in (before, after))
    return changed(Effect.LOOSENS if looser else Effect.TIGHTENS, was, becomes, Danger.CHECK, why)


ORDERS: Orders = {
    "parts": _parts,
    "others": undecidable(Danger.CHECK, "Something else becomes of a form with other parts."),
}
