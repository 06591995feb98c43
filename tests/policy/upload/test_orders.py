"""Which of two forms lets more through."""

from __future__ import annotations

import pytest

from tests.settings_compared import CHANGES, LOOSENS, TIGHTENS, Written, of_policies

FILE: Written = {"types": ["image/png"], "max": 100}
TEXT: Written = {"max": 16, "pattern": "a|b"}


def form(**parts: Written) -> Written:
    return {"parts": parts}


LOOSER = [
    ("parts.image.types", form(image=FILE), form(image={**FILE, "types": ["image/png", "image/gif"]})),
    ("parts.image.max", form(image=FILE), form(image={**FILE, "max": 200})),
    ("parts.image.required", form(image={**FILE, "required": True}), form(image=FILE)),
    ("parts.image.as.image/x-png", form(image=FILE), form(image={**FILE, "as": {"image/x-png": "image/png"}})),
    ("parts.size.pattern", form(size=TEXT), form(size={"max": 16})),
    ("parts.size.pattern", form(size=TEXT), form(size={"max": 16, "pattern": "b|c{2}|a"})),
    ("parts.size", form(image=FILE), form(image=FILE, size=TEXT)),
    ("mode", form(image=FILE), {**form(image=FILE), "mode": "report"}),
]

EITHER_WAY = [
    ("parts.size.pattern", form(size=TEXT), form(size={"max": 16, "pattern": "[ab]"})),
    ("parts.size.pattern", form(size=TEXT), form(size={"max": 16, "pattern": "(a|b|c)"})),
    ("parts.size", form(image=FILE), form(image=FILE, size={**TEXT, "required": True})),
    ("parts.image.types", form(image={"max": 100}), form(image=FILE)),
]


@pytest.mark.parametrize(("setting", "strict", "loose"), LOOSER)
def test_what_takes_more_forms_loosens(setting: str, strict: Written, loose: Written) -> None:
    assert of_policies("uploads", strict, loose) == [(setting, LOOSENS)]
    assert of_policies("uploads", loose, strict) == [(setting, TIGHTENS)]


@pytest.mark.parametrize(("setting", "one", "other"), EITHER_WAY)
def test_what_takes_other_forms_loosens_either_way(setting: str, one: Written, other: Written) -> None:
    assert of_policies("uploads", one, other) == [(setting, LOOSENS)]
    assert of_policies("uploads", other, one) == [(setting, LOOSENS)]


def test_alternatives_in_another_sequence_are_no_change() -> None:
    assert of_policies("uploads", form(size=TEXT), form(size={"max": 16, "pattern": "b|a"})) == []


def test_another_name_for_the_same_files_is_neither() -> None:
    types: Written = {"types": ["image/png", "image/apng"], "max": 100}
    one, other = ({**types, "as": {"image/x-png": target}} for target in ("image/png", "image/apng"))
    assert of_policies("uploads", form(image=one), form(image=other)) == [("parts.image.as.image/x-png", CHANGES)]
