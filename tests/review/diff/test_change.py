"""One change: its id is bound to what it does, and to nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.policy.base.order import Effect
from gateway.review.diff.change import Change, Witness, by_danger

CHANGE = Change(
    effect=Effect.LOOSENS,
    setting="rate_limits.login.burst",
    before="5",
    after="50",
    why="More at once.",
    danger=50,
    routes=("login", "signup"),
    where_old="policies/rate_limits.yaml:3",
    where_new="policies/rate_limits.yaml:3",
    content="of a schema",
)


@pytest.mark.parametrize(
    "other",
    [
        {"where_old": "elsewhere.yaml:9", "where_new": "elsewhere.yaml:10"},
        {"why": "In other words."},
        {"danger": 90},
        {"routes": ("signup", "login")},
        {"witnesses": {"login": Witness(method="GET", target="/", before="no_route", after="pass")}},
    ],
    ids=lambda other: next(iter(other)),
)
def test_the_id_is_not_of_where_and_how_a_change_is_shown(other: dict[str, Any]) -> None:
    assert replace(CHANGE, **other).id == CHANGE.id


@pytest.mark.parametrize(
    "other",
    [
        {"effect": Effect.TIGHTENS},
        {"setting": "rate_limits.login.limit"},
        {"before": "6"},
        {"after": "500"},
        {"routes": ("login",)},
        {"routes": ("login", "signup", "verify")},
        {"content": "of another schema"},
        {"before": "5,50", "after": ""},
    ],
    ids=str,
)
def test_another_content_has_another_id(other: dict[str, Any]) -> None:
    assert replace(CHANGE, **other).id != CHANGE.id


def test_an_id_is_too_long_to_find_two_changes_of_one() -> None:
    assert len(bytes.fromhex(CHANGE.id[1:])) == 15


def test_what_loosens_comes_first_and_the_most_dangerous_of_it_before_the_rest() -> None:
    changes = [
        replace(CHANGE, effect=Effect.TIGHTENS, danger=0),
        replace(CHANGE, effect=Effect.CHANGES, danger=10),
        replace(CHANGE, danger=30),
        replace(CHANGE, danger=90),
    ]
    assert [(change.effect.value, change.danger) for change in sorted(changes, key=by_danger)] == [
        ("loosens", 90),
        ("loosens", 30),
        ("changes", 10),
        ("tightens", 0),
    ]


def test_an_id_is_no_number_to_yaml() -> None:
    assert CHANGE.id.startswith("c")
