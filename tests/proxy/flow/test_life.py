"""The life of a request: its order, and what ends it in each of its steps."""

from __future__ import annotations

from gateway.proxy.flow.flow import Step
from gateway.proxy.flow.life import ENDS


def test_every_step_has_its_line() -> None:
    assert set(ENDS) == set(Step)
