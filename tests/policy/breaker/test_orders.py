"""Which of two breakers lets more calls through."""

from __future__ import annotations

import pytest

from tests.settings_compared import LOOSENS, TIGHTENS, Written, of_policies

LOOSER = [
    ("failures", {}, {"failures": 6}),
    ("ratio", {"ratio": 0.5}, {}),
    ("ratio", {"ratio": 0.5}, {"ratio": 0.6}),
    ("min_volume", {"ratio": 0.5}, {"ratio": 0.5, "min_volume": 30}),
    ("recover_after", {}, {"recover_after": 30.0}),
    ("successes", {"successes": 2}, {}),
    ("slow_after", {"slow_after": 5.0}, {"slow_after": 6.0}),
    ("slow_after", {"slow_after": 5.0}, {}),
    ("probe_timeout", {}, {"probe_timeout": 10.0}),
    ("probe", {"probe": "health_check"}, {}),
    ("count", {}, {"count": ["connect", 502]}),
    ("ignore.transcribe", {}, {"ignore": {"transcribe": [503]}}),
    ("ignore.transcribe", {"ignore": {"transcribe": [503]}}, {"ignore": {"transcribe": [502, 503]}}),
    ("mode", {}, {"mode": "report"}),
]


@pytest.mark.parametrize(("setting", "strict", "loose"), LOOSER)
def test_what_opens_later_or_closes_sooner_loosens(setting: str, strict: Written, loose: Written) -> None:
    assert of_policies("breakers", strict, loose) == [(setting, LOOSENS)]
    assert of_policies("breakers", loose, strict) == [(setting, TIGHTENS)]


def test_a_share_over_another_time_loosens_either_way() -> None:
    one, other = {"ratio": 0.5}, {"ratio": 0.5, "window": 30.0}
    assert of_policies("breakers", one, other) == of_policies("breakers", other, one) == [("window", LOOSENS)]


def test_what_decides_nothing_without_a_ratio_is_no_change() -> None:
    assert of_policies("breakers", {}, {"window": 30.0, "min_volume": 5}) == []
