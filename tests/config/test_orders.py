"""How the parts of two configurations compare."""

from __future__ import annotations

import pytest

from gateway.config.model import Config
from gateway.config.orders import compare_parts
from gateway.policy.base.order import Effect


def test_equal_configurations_have_no_changes() -> None:
    assert compare_parts(Config(), Config()) == []


@pytest.mark.parametrize(
    ("old", "new", "effects"),
    [
        ("production", "development", [Effect.LOOSENS]),
        ("staging", "production", [Effect.TIGHTENS]),
        ("development", "staging", [Effect.CHANGES]),
    ],
)
def test_only_production_has_the_strict_checks(old: str, new: str, effects: list[Effect]) -> None:
    changes = compare_parts(Config(environment=old), Config(environment=new))
    assert [change.effect for change in changes] == effects
    assert [(change.path, change.before, change.after) for change in changes] == [(("environment",), old, new)]
