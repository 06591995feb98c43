"""Which of two lockouts lets more guesses through."""

from __future__ import annotations

import pytest

from tests.settings_compared import LOOSENS, TIGHTENS, Written, changes, of_policies

BASE: Written = {"account": "/email"}
ALL: Written = {"failures": 100, "within": 3600.0, "lock_for": 60.0}

LOOSER = [
    ("failures", {}, {"failures": 11}),
    ("within", {}, {"within": 60.0}),
    ("lock_for", {}, {"lock_for": 60.0}),
    ("lock_for", {"lock_for": [60.0, 900.0]}, {"lock_for": 60.0}),
    ("lock_for", {"lock_for": [60.0, 900.0, 3600.0]}, {"lock_for": [60.0, 900.0]}),
    ("on_status", {"on_status": [400, 401]}, {"on_status": [401]}),
    ("scope", {}, {"scope": "account+address"}),
    # each address may guess by itself where all counted together
    ("everywhere", {}, {"everywhere": ALL}),
    ("everywhere", {"scope": "account+address", "everywhere": ALL}, {"scope": "account+address"}),
    ("everywhere.failures", {"everywhere": ALL}, {"everywhere": {**ALL, "failures": 200}}),
    ("everywhere.within", {"everywhere": ALL}, {"everywhere": {**ALL, "within": 60.0}}),
    ("address", {}, {"address": None}),
    ("address.failures", {}, {"address": {**ALL, "failures": 51, "lock_for": 3600.0}}),
    ("mode", {}, {"mode": "report"}),
]

EITHER_WAY = [
    ("account", {}, {"account": "/name"}),
    ("lock_for", {"lock_for": [60.0, 900.0]}, {"lock_for": [90.0, 120.0]}),
    ("on_status", {"on_status": [400]}, {"on_status": [401]}),
]

SAME = [
    ({}, {"failures": 10}),
    ({"lock_for": 60.0}, {"lock_for": [60.0, 60.0]}),
    ({"everywhere": ALL}, {"everywhere": ALL, "scope": "account+address"}),
    ({}, {"address": {"failures": 50, "within": 3600.0, "lock_for": 3600.0}}),
]


@pytest.mark.parametrize(("setting", "strict", "loose"), LOOSER)
def test_what_locks_less_loosens(setting: str, strict: Written, loose: Written) -> None:
    assert of_policies("lockouts", {**BASE, **strict}, {**BASE, **loose}) == [(setting, LOOSENS)]
    assert of_policies("lockouts", {**BASE, **loose}, {**BASE, **strict}) == [(setting, TIGHTENS)]


@pytest.mark.parametrize(("setting", "one", "other"), EITHER_WAY)
def test_what_locks_otherwise_loosens_either_way(setting: str, one: Written, other: Written) -> None:
    assert of_policies("lockouts", {**BASE, **one}, {**BASE, **other}) == [(setting, LOOSENS)]
    assert of_policies("lockouts", {**BASE, **other}, {**BASE, **one}) == [(setting, LOOSENS)]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_in_other_words_is_no_change(one: Written, other: Written) -> None:
    assert of_policies("lockouts", {**BASE, **one}, {**BASE, **other}) == []


def test_a_stricter_one_says_that_it_keeps_owners_out() -> None:
    (change,) = changes("lockouts", BASE, {**BASE, "failures": 3})
    assert "keep the owner out" in change.why
