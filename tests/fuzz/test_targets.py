"""No bytes make anything escape but a value or a named refusal. ``make fuzz`` looks longer, guided by coverage."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.fuzz.mutation import near
from tests.fuzz.targets import TARGETS, exercise

EXAMPLES = 150


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_a_value_or_a_refusal_escapes(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=EXAMPLES)
    @given(near(target))
    def run(data: bytes) -> None:
        exercise(target, data)

    run()


@pytest.mark.parametrize("name", TARGETS)
def test_what_it_begins_with_raises_nothing(name: str) -> None:
    for seed in TARGETS[name].seeds:
        exercise(TARGETS[name], seed)
