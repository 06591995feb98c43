"""Which stage of the old side says what one of the new side would have said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.review.replay.evidence import PASSED, Evidence
from gateway.review.replay.matches import Matches, RouteSteps
from gateway.review.replay.side import ReplayedSide
from tests.review.replay.configs import config
from tests.review.replay.log_lines import of
from tests.review.replay.recording import NOON

LIMITED = {"reason": "rate_limited", "detail": "per-account", "status": 429}
STRICTER, LOOSER = ("limit: 100/minute", "limit: 90/minute"), ("limit: 100/minute", "limit: 110/minute")


@pytest.mark.parametrize(
    ("change", "line", "verdict"),
    [
        (None, {}, PASSED),
        (None, LIMITED, "rate_limited"),
        (None, {"reason": "rate_limited", "detail": "per-client", "status": 429}, None),
        (STRICTER, {}, None),
        (STRICTER, LIMITED, "rate_limited"),
        (LOOSER, {}, PASSED),
        (LOOSER, LIMITED, None),
        (("per-account", "per-person"), LIMITED, "rate_limited"),
    ],
)
def test_what_a_limit_by_input_would_have_said(
    change: tuple[str, str] | None, line: dict[str, Any], verdict: str | None, tmp_path: Path
) -> None:
    old, new = config(tmp_path / "old"), config(tmp_path / "new", change)
    recorded = of(**line)
    one, other = (_steps(ReplayedSide(each, NOON)) for each in (old, new))
    by_record = Matches(old, new).of(one, other, Evidence(recorded, one[1]), ("auth.login",))
    index = next(index for index, step in enumerate(other[1]) if step.when == "input")
    assert by_record(index) == verdict


def test_a_stage_that_the_old_side_did_not_have_is_unknown(tmp_path: Path) -> None:
    old, new = config(tmp_path / "old", ("lockout: accounts, ", "")), config(tmp_path / "new")
    one, other = (_steps(ReplayedSide(each, NOON)) for each in (old, new))
    by_record = Matches(old, new).of(one, other, Evidence(of(), one[1]), ("auth.login",))
    assert [by_record(index) for index, step in enumerate(other[1]) if step.kind == "lockout"] == [None]


def _steps(side: ReplayedSide) -> RouteSteps:
    """Those of the route ``login``."""
    route = side.route(of())[1]
    return route, side.steps(route)
