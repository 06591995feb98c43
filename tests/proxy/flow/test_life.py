"""The life of a request: its order, and what ends it in each of its steps."""

from __future__ import annotations

from gateway.proxy.flow.life import ENDS
from gateway.proxy.flow.step import Step


def test_every_step_has_its_line() -> None:
    assert set(ENDS) == set(Step)
