"""How two values of one setting compare: which of them lets more through.

Each settings class has a table, ``ORDERS``, with an order for each of its settings. An order gets the value of the old side and
that of the new one, and says what has changed: looser, stricter, or neither. What gains here and loses there lets through what
was refused before, so it loosens, and so does whatever is undecidable.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Never, TypeVar, cast

from pydantic import BaseModel

from gateway.policy.base.written import NONE, code, listed, text

T = TypeVar("T")
U = TypeVar("U")


class Effect(enum.StrEnum):
    """What a change does."""

    LOOSENS = "loosens"
    """Something that was refused may pass, or nobody can be sure that it does not."""
    TIGHTENS = "tightens"
    """Something that passed is refused, and nothing else changes."""
    CHANGES = "changes"
    """Neither: nothing more passes, and nothing less."""


class Danger(enum.IntEnum):
    """How bad it is when a setting gets looser without anybody meaning it. A stricter one has NONE."""

    OPEN = 90
    """Strangers come in, or speak for somebody else."""
    CHECK = 70
    """Something is no longer checked as it was."""
    TRIES = 50
    """Somebody has more tries: of guesses, or of calls that cost money."""
    LEAK = 40
    """More can be learned from outside."""
    LOAD = 30
    """One client can take more of what all share."""
    NOTE = 10
    """Worth a look."""
    NONE = 0


_IN_WORDS = {
    Danger.OPEN: "Open to more callers",
    Danger.CHECK: "Less is checked",
    Danger.TRIES: "More tries",
    Danger.LEAK: "More can be learned",
    Danger.LOAD: "More load by one client",
    Danger.NOTE: "Worth a look",
    Danger.NONE: "More may pass",
}


def danger_in_words(danger: int) -> str:
    """How bad ``danger`` is, in some words: those of the highest ``Danger`` that it reaches."""
    return next(words for level, words in _IN_WORDS.items() if danger >= level)


class SettingChange(NamedTuple):
    """One setting that differs. ``path`` leads to it within its policy or part. ``before`` and ``after`` are as people write
    them, and a secret is never among them. ``danger`` is higher where it is worse. ``why`` is plain sentences: the first says who
    may do what now, or what closes. Names and values stand between backticks there (``written.code``)."""

    path: tuple[str, ...]
    effect: Effect
    before: str
    after: str
    danger: int
    why: str


Order = Callable[[T, T], Iterable[SettingChange]]
"""From the old and the new value of a setting to what has changed, paths from the setting on."""

AnyOrder = Callable[[Never, Never], Iterable[SettingChange]]
"""An order of whatever a setting is; the table puts it beside the setting that it is for."""

Shown = Callable[[T], str]


@dataclass(frozen=True, slots=True)
class Of:
    """The order of a setting that is not compared as it is written: ``value`` makes what is compared of the whole model."""

    value: Callable[[Never], object]
    order: AnyOrder


Orders = Mapping[str, AnyOrder | Of]
"""The table of a settings class: by the name of the setting."""


def orders_of(model: type[BaseModel]) -> Orders:
    """The orders of all settings of ``model``, those of its bases among them."""
    found: dict[str, AnyOrder | Of] = {}
    for one in reversed(model.__mro__):
        found |= vars(one).get("ORDERS", {})
    return found


def compared(old: BaseModel, new: BaseModel) -> Iterator[SettingChange]:
    """What differs between two values of one settings class."""
    if old is new:
        return
    if type(old) is not type(new):
        yield SettingChange((), Effect.LOOSENS, type(old).__name__, type(new).__name__, Danger.CHECK, OF_ANOTHER_KIND)
        return
    for name, order in orders_of(type(old)).items():
        key = type(old).model_fields[name].alias or name
        for change in _of_setting(name, order, old, new):
            yield below(key, change)


def _of_setting(name: str, order: AnyOrder | Of, old: BaseModel, new: BaseModel) -> Iterable[SettingChange]:
    if isinstance(order, Of):
        value = cast(Callable[[BaseModel], object], order.value)
        return cast(Order[object], order.order)(value(old), value(new))
    return cast(Order[object], order)(getattr(old, name), getattr(new, name))


OF_ANOTHER_KIND = "It is of another kind, and the two cannot be compared."


def below(key: str, change: SettingChange) -> SettingChange:
    """``change`` with ``key`` before its path."""
    return change._replace(path=(key, *change.path))


def changed(effect: Effect, before: str, after: str, danger: int, why: str) -> SettingChange:
    """One change of the value itself; a stricter setting is no danger."""
    return SettingChange((), effect, before, after, 0 if effect is Effect.TIGHTENS else int(danger), why)


def ranked_by(rank: Callable[[T], float], danger: Danger, opens: str, closes: str, show: Shown[T] = text) -> Order[T]:
    """The value with the higher ``rank`` is looser. ``{before}`` and ``{after}`` in the sentences stand for the two values."""

    def order(old: T, new: T) -> Iterator[SettingChange]:
        before, after = rank(old), rank(new)
        if before != after:
            looser = after > before
            effect, why = (Effect.LOOSENS, opens) if looser else (Effect.TIGHTENS, closes)
            sentence = why.replace("{before}", code(show(old))).replace("{after}", code(show(new)))
            yield changed(effect, show(old), show(new), danger, sentence)

    return order


def in_context(value: Callable[[U], T], order: Order[T], words: Callable[[U], str]) -> Of:
    """The order of a setting that says little alone: ``words`` of the whole model, before and now, follow on each sentence."""

    def of_both(old: U, new: U) -> Iterator[SettingChange]:
        for change in order(value(old), value(new)):
            yield change._replace(why=f"{change.why} Before: {words(old)}. Now: {words(new)}.")

    return Of(lambda model: model, of_both)


def _bound(value: float | None) -> float:
    return math.inf if value is None else value


def more_is_looser(danger: Danger, opens: str, closes: str, show: Shown[float | None] = text) -> Order[float | None]:
    """A number that bounds from above; None is no bound."""
    return ranked_by(_bound, danger, opens, closes, show)


def less_is_looser(danger: Danger, opens: str, closes: str, show: Shown[float | None] = text) -> Order[float | None]:
    """A number of which more keeps more out; None keeps nothing out."""
    return ranked_by(lambda value: math.inf if value is None else -value, danger, opens, closes, show)


def later_is_looser(
    words: Sequence[object], danger: Danger, opens: str, closes: str, show: Shown[object] = text
) -> Order[object]:
    """One of ``words``, the strictest first."""
    return ranked_by(words.index, danger, opens, closes, show)


def on_is_looser(danger: Danger, opens: str, closes: str, show: Shown[object] = text) -> Order[object]:
    """True, or anything that is there, is looser than false or nothing."""
    return ranked_by(bool, danger, opens, closes, show)


def by_inclusion(
    covers: Callable[[T, T], bool], danger: Danger, opens: str, closes: str, show: Shown[T] = text
) -> Order[T]:
    """``covers(a, b)``: a admits all that b admits."""

    def order(old: T, new: T) -> Iterator[SettingChange]:
        wider, narrower = covers(new, old), covers(old, new)
        if not (wider and narrower):
            effect, why = (Effect.TIGHTENS, closes) if narrower else (Effect.LOOSENS, opens)
            yield changed(effect, show(old), show(new), danger, why)

    return order


def by_entries(
    covers: Callable[[Sequence[T], Sequence[T]], bool], danger: Danger, opens: str, closes: str
) -> Order[Sequence[T]]:
    """Two lists of what is admitted, of which one may admit what is written in the other; the sentence names what is new, or what is
    gone."""
    by_what_passes = by_inclusion(covers, danger, opens, closes)

    def order(old: Sequence[T], new: Sequence[T]) -> Iterator[SettingChange]:
        for change in by_what_passes(old, new):
            opens = change.effect is Effect.LOOSENS
            wide, narrow = (new, old) if opens else (old, new)
            differing = [each for each in wide if not covers(narrow, (each,))]
            named = f" {'New' if opens else 'No longer'}: {listed(differing)}."
            yield change._replace(why=change.why + named) if differing else change

    return order


def larger_set_is_looser(danger: Danger, opens: str, closes: str) -> Order[Sequence[object]]:
    """What is listed passes. The sequence does not count."""
    return by_entries(lambda wide, narrow: set(wide) >= set(narrow), danger, opens, closes)


def smaller_set_is_looser(
    danger: Danger, opens: str, closes: str, show: Shown[Collection[object]] = text
) -> Order[Collection[object]]:
    """Each entry asks for something. The sequence does not count."""
    return by_inclusion(lambda few, many: set(few) <= set(many), danger, opens, closes, show)


def undecidable(danger: Danger, why: str, show: Shown[T] = text) -> Order[T]:
    """Any difference may let more through."""

    def order(old: T, new: T) -> Iterator[SettingChange]:
        if old != new:
            yield changed(Effect.LOOSENS, show(old), show(new), danger, why)

    return order


def neither(why: str, show: Shown[Never] = text) -> Order[object]:
    """A difference lets nothing more and nothing less through."""
    shown = cast(Shown[object], show)

    def order(old: object, new: object) -> Iterator[SettingChange]:
        if old != new:
            yield changed(Effect.CHANGES, shown(old), shown(new), Danger.NOTE, why)

    return order


def read_as(reading: Callable[[T], U], order: Order[U]) -> Order[T]:
    """Compares what ``reading`` makes of the values."""
    return lambda old, new: order(reading(old), reading(new))


nested: Order[BaseModel] = compared
"""A group of settings, each by its own order."""


def optional(
    missing: Effect, danger: Danger, opens: str, closes: str, within: Order[T], show: Shown[T] = text
) -> Order[T | None]:
    """A group of settings that may be missing: ``missing`` is what it does to leave it out (LOOSENS for a bound)."""

    def order(old: T | None, new: T | None) -> Iterator[SettingChange]:
        if old is not None and new is not None:
            yield from within(old, new)
        elif old is not new:
            opened = (new is None) is (missing is Effect.LOOSENS)
            effect = missing if missing is Effect.CHANGES else Effect.LOOSENS if opened else Effect.TIGHTENS
            before, after = (NONE if side is None else show(side) for side in (old, new))
            yield changed(effect, before, after, danger, opens if opened else closes)

    return order


def each_by_key(
    added: Effect, danger: Danger, opens: str, closes: str, within: Order[T], show: Shown[T] = text
) -> Order[Mapping[str, T]]:
    """A mapping whose entries are compared one by one. ``added``: what it does to add one (TIGHTENS for one more thing that is
    asked for)."""

    def order(old: Mapping[str, T], new: Mapping[str, T]) -> Iterator[SettingChange]:
        for key in sorted(old.keys() | new.keys()):
            if key in old and key in new:
                yield from (below(key, change) for change in within(old[key], new[key]))
                continue
            opened = (key in new) is (added is Effect.LOOSENS)
            effect = added if added is Effect.CHANGES else Effect.LOOSENS if opened else Effect.TIGHTENS
            before, after = (show(side[key]) if key in side else NONE for side in (old, new))
            yield below(key, changed(effect, before, after, danger, opens if opened else closes))

    return order
