"""Which of two policies of ``auth`` takes more tokens."""

from __future__ import annotations

import pytest

from gateway.core.secret import Secret
from gateway.policy.auth.auth import Settings
from gateway.policy.base.order import compared
from tests.settings_compared import LOOSENS, TIGHTENS, Written, changes, of_policies

A, B = "a" * 40, "b" * 40
BASE: Written = {"kind": "jwt", "algorithms": ["HS256"], "secret": A}

# The setting, and what is written of it on the stricter side and on the looser one.
LOOSER = [
    ("algorithms", {}, {"algorithms": ["HS256", "HS512"]}),
    ("secret", {}, {"secret": [A, B]}),
    ("require.type", {"require": {"type": "access"}}, {}),
    ("issuer", {"issuer": "us"}, {}),
    ("scopes", {"scopes": ["a", "b"]}, {"scopes": ["b"]}),
    ("leeway", {}, {"leeway": 5.0}),
    ("max_bytes", {}, {"max_bytes": 8192}),
    ("mode", {}, {"mode": "report"}),
]

EITHER_WAY = [
    ("secret", {}, {"secret": B}),
    ("require.type", {"require": {"type": "access"}}, {"require": {"type": "refresh"}}),
    ("require.admin", {"require": {"admin": 1}}, {"require": {"admin": True}}),
    ("issuer", {"issuer": "us"}, {"issuer": "them"}),
    ("audience", {"audience": "us"}, {"audience": "them"}),
    ("audience", {"audience": "us"}, {}),
    ("algorithms", {}, {"algorithms": ["HS512"]}),
]


@pytest.mark.parametrize(("setting", "strict", "loose"), LOOSER)
def test_what_takes_more_tokens_loosens(setting: str, strict: Written, loose: Written) -> None:
    assert of_policies("auth", {**BASE, **strict}, {**BASE, **loose}) == [(setting, LOOSENS)]
    assert of_policies("auth", {**BASE, **loose}, {**BASE, **strict}) == [(setting, TIGHTENS)]


@pytest.mark.parametrize(("setting", "one", "other"), EITHER_WAY)
def test_what_takes_other_tokens_loosens_either_way(setting: str, one: Written, other: Written) -> None:
    assert of_policies("auth", {**BASE, **one}, {**BASE, **other}) == [(setting, LOOSENS)]
    assert of_policies("auth", {**BASE, **other}, {**BASE, **one}) == [(setting, LOOSENS)]


def test_the_sequence_of_keys_is_no_change() -> None:
    assert of_policies("auth", {**BASE, "secret": [A, B]}, {**BASE, "secret": [B, A]}) == []


def of(*secrets: Secret) -> Settings:
    return Settings.model_validate({**BASE, "secret": [*secrets]})


def test_a_variable_stands_for_one_key_whatever_it_holds() -> None:
    before, after = of(Secret(A, "${KEY}", "${KEY}")), of(Secret(B, "${KEY}", "${KEY}"))
    assert list(compared(before, after)) == []


def test_another_variable_is_another_key_whatever_it_holds() -> None:
    (change,) = compared(of(Secret(A, "${KEY}", "${KEY}")), of(Secret(A, "${OTHER}", "${OTHER}")))
    assert (change.effect, change.before, change.after) == (LOOSENS, "${KEY}", "${OTHER}")


def test_a_secret_is_never_shown() -> None:
    assert A not in str(changes("auth", BASE, {**BASE, "secret": [A, B]}))
