"""The orders that settings are compared by."""

from __future__ import annotations

from typing import cast

import pytest

from gateway.policy.base.order import (
    AnyOrder,
    Danger,
    Effect,
    Order,
    each_by_key,
    larger_set_is_looser,
    later_is_looser,
    less_is_looser,
    more_is_looser,
    neither,
    on_is_looser,
    optional,
    smaller_set_is_looser,
    undecidable,
)

WHY = (Danger.CHECK, "A door opens.", "A door closes.")
MORE = more_is_looser(*WHY)

# Each with a value and a looser one.
LOOSER = [
    (MORE, 1, 2),
    (MORE, 5, None),
    (less_is_looser(*WHY), 2, 1),
    (less_is_looser(*WHY), 0, None),
    (later_is_looser(("refuse", "allow"), *WHY), "refuse", "allow"),
    (on_is_looser(*WHY), False, True),
    (larger_set_is_looser(*WHY), ("a",), ("b", "a")),
    (smaller_set_is_looser(*WHY), ("a", "b"), ("b",)),
    (optional(Effect.LOOSENS, *WHY, within=MORE), 5, None),
    (each_by_key(Effect.TIGHTENS, *WHY, within=MORE), {"a": 1, "b": 1}, {"b": 1}),
    (each_by_key(Effect.TIGHTENS, *WHY, within=MORE), {"a": 1}, {"a": 2}),
    (each_by_key(Effect.LOOSENS, *WHY, within=MORE), {}, {"a": 1}),
]


def effects(order: AnyOrder, old: object, new: object) -> list[Effect]:
    return [change.effect for change in cast(Order[object], order)(old, new)]


@pytest.mark.parametrize(("order", "strict", "loose"), LOOSER)
def test_what_is_looser_one_way_is_stricter_the_other(order: AnyOrder, strict: object, loose: object) -> None:
    assert effects(order, strict, loose) == [Effect.LOOSENS]
    assert effects(order, loose, strict) == [Effect.TIGHTENS]
    assert effects(order, strict, strict) == effects(order, loose, loose) == []


def test_a_set_that_gains_and_loses_loosens_both_ways() -> None:
    for order in (larger_set_is_looser(*WHY), smaller_set_is_looser(*WHY)):
        assert effects(order, ("a",), ("b",)) == effects(order, ("b",), ("a",)) == [Effect.LOOSENS]


def test_the_sequence_of_a_set_does_not_count() -> None:
    assert effects(larger_set_is_looser(*WHY), ("a", "b"), ("b", "a")) == []


def test_what_undecidable_loosens_and_what_does_not_matter_changes() -> None:
    assert effects(undecidable(Danger.CHECK, "Nobody can tell."), 1, 2) == [Effect.LOOSENS]
    assert effects(neither("A name."), 1, 2) == [Effect.CHANGES]


def test_a_change_says_which_door_and_a_stricter_one_is_no_danger() -> None:
    ((path, _, before, after, danger, why),) = MORE(1, None)
    assert (path, before, after, danger, why) == ((), "1", "none", Danger.CHECK, "A door opens.")
    ((_, _, _, _, danger, why),) = MORE(None, 1)
    assert (danger, why) == (0, "A door closes.")


def test_the_sentence_names_what_is_new() -> None:
    ((*_, why),) = larger_set_is_looser(*WHY)(("a", "b"), ("c", "b", "d"))
    assert why == "A door opens. New: `c` and `d`."
    ((*_, why),) = larger_set_is_looser(*WHY)(("a", "b"), ("b",))
    assert why == "A door closes. No longer: `a`."
