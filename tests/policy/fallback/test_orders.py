"""Which of two fallbacks hides more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings_compared import CHANGES, LOOSENS, TIGHTENS, Written, of_policies

ERROR: Written = {"json": {"error": "away"}, "status": 503}
GOOD: Written = {"json": {"text": ""}}
STALE: Written = {"stale": {"for": 60.0}}

LOOSER = [
    ("status", ERROR, {**ERROR, "status": 200}),
    ("stale.for", STALE, {"stale": {"for": 90.0}}),
    ("stale.max", STALE, {"stale": {"for": 60.0, "max": 20_000_000}}),
    ("stale.public", STALE, {"stale": {"for": 60.0, "public": True}}),
    ("", ERROR, STALE),
    ("", ERROR, {"upstream": "other"}),
    # one that only reports leaves the error
    ("mode", {**GOOD, "mode": "report"}, GOOD),
]

NEITHER = [
    ("status", ERROR, {**ERROR, "status": 500}),
    ("json", ERROR, {"json": {"error": "gone"}, "status": 503}),
    ("json", {"json": {"a": 1}}, {"json": {"a": True}}),
    ("mode", ERROR, {**ERROR, "mode": "report"}),
]


@pytest.mark.parametrize(("setting", "strict", "loose"), LOOSER)
def test_what_hides_more_loosens(setting: str, strict: Written, loose: Written) -> None:
    assert of_policies("fallbacks", strict, loose) == [(setting, LOOSENS)]
    assert of_policies("fallbacks", loose, strict) == [(setting, TIGHTENS)]


@pytest.mark.parametrize(("setting", "one", "other"), NEITHER)
def test_another_content_is_neither(setting: str, one: Written, other: Written) -> None:
    assert of_policies("fallbacks", one, other) == [(setting, CHANGES)]
    assert of_policies("fallbacks", other, one) == [(setting, CHANGES)]


@pytest.mark.parametrize(
    ("setting", "one", "other"),
    [("upstream", {"upstream": "a"}, {"upstream": "b"}), ("", STALE, {"upstream": "a"}), ("", GOOD, STALE)],
)
def test_what_comes_from_elsewhere_loosens_either_way(setting: str, one: Written, other: Written) -> None:
    assert of_policies("fallbacks", one, other) == of_policies("fallbacks", other, one) == [(setting, LOOSENS)]


def test_another_content_of_a_file_is_neither(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("1")
    (tmp_path / "b.json").write_text("2")
    one, other = ({"file": str(tmp_path / name)} for name in ("a.json", "b.json"))
    assert of_policies("fallbacks", one, other) == [("file", CHANGES)]
