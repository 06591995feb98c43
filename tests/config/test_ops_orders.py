"""Which of two operators' listeners, and of two states, lets more through."""

from __future__ import annotations

import pytest

from gateway.config.model import Ops, State
from gateway.core.secret import Secret
from gateway.policy.base.order import compared
from gateway.policy.base.settings import Model
from tests.settings_compared import CHANGES, LOOSENS, TIGHTENS, Written, of_parts

TOKEN: Written = {"token": "a" * 40}
REDIS: Written = {"redis": "rediss://one.example"}

LOOSER = [
    (Ops, "host", {"host": "127.0.0.1"}, {"host": "0.0.0.0"}),
    (Ops, "token", TOKEN, {}),
    (Ops, "origins", TOKEN, {**TOKEN, "origins": ["https://grafana.example"]}),
    (State, "redis", REDIS, {}),
    (State, "key", {"key": "k" * 40}, {}),
]

EITHER_WAY = [
    (Ops, "token", TOKEN, {"token": "b" * 40}),
    (State, "path", {"path": "var/a"}, {"path": "var/b"}),
    (State, "redis", REDIS, {"redis": "redis://one.example"}),
    (State, "key", {"key": "k" * 40}, {"key": "l" * 40}),
]


@pytest.mark.parametrize(("part", "setting", "strict", "loose"), LOOSER)
def test_what_keeps_less_out_loosens(part: type[Model], setting: str, strict: Written, loose: Written) -> None:
    assert of_parts(part, strict, loose) == [(setting, LOOSENS)]
    assert of_parts(part, loose, strict) == [(setting, TIGHTENS)]


@pytest.mark.parametrize(("part", "setting", "one", "other"), EITHER_WAY)
def test_what_begins_anew_loosens_either_way(part: type[Model], setting: str, one: Written, other: Written) -> None:
    assert of_parts(part, one, other) == of_parts(part, other, one) == [(setting, LOOSENS)]


def test_another_port_is_neither() -> None:
    assert of_parts(Ops, {}, {"port": 9091}) == [("port", CHANGES)]


def test_secrets_are_compared_by_where_they_come_from_and_never_shown() -> None:
    here, there = (Ops(token=Secret(value * 40, "${TOKEN}", "${TOKEN}")) for value in "ab")
    assert list(compared(here, there)) == []
    (change,) = compared(here, Ops(token=Secret("a" * 40)))
    assert (change.before, change.after) == ("${TOKEN}", "<secret>")
