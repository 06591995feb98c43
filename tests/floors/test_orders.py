"""Each setting has an order: whatever is added to the language, a diff says of it whether it loosens."""

from __future__ import annotations

from typing import ClassVar

import pytest

from gateway.config.listen_settings import Listen
from gateway.config.model import Ops, State, UpstreamSettings
from gateway.config.shape import models_below
from gateway.policy.base.order import Orders, nested, orders_of
from gateway.policy.base.settings import Model
from gateway.policy.kinds import SECTIONS

PARTS: list[type[Model]] = [Listen, Ops, State, UpstreamSettings]
POLICIES = [kind.settings for kind in SECTIONS.values() if kind.settings is not None]


def missing(model: type[Model]) -> set[str]:
    """The settings below ``model`` without an order, and the orders of what is no setting."""
    found = set()
    for path, one in models_below(model):
        for name in one.model_fields.keys() ^ orders_of(one).keys():
            found.add(".".join(map(str, (*path, name))))
    return found


@pytest.mark.parametrize("model", [*PARTS, *POLICIES], ids=lambda model: model.__module__)
def test_no_setting_is_without_an_order(model: type[Model]) -> None:
    assert missing(model) == set(), "say in ORDERS which of two values lets more through"


def test_a_setting_that_was_forgotten_is_seen() -> None:
    class Inner(Model):
        forgotten: int = 1

    class Outer(Model):
        inner: tuple[Inner, ...] = ()
        ORDERS: ClassVar[Orders] = {"inner": nested}

    assert missing(Outer) == {"inner.forgotten"}
