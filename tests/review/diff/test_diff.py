"""What differs in effect between two configurations."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.review.diff.diff import differences
from tests.review.diff.written import config

TEXT = """
defaults: {auth: public, rate_limits: [calls]}
routes:
  - {name: one, paths: [/one], upstream: files, schema: {none: "a test"}}
"""
LIMITS = "rate_limits: {calls: {limit: 5/minute, key: [address]}}"


def test_nothing_differs_from_itself(tmp_path: Path) -> None:
    same = config(tmp_path, TEXT, {"policies/limits.yaml": LIMITS})
    assert differences(same, same) == []


def test_a_change_has_its_routes_and_both_lines(tmp_path: Path) -> None:
    old = config(tmp_path / "old", TEXT, {"policies/limits.yaml": LIMITS})
    new = config(tmp_path / "new", TEXT, {"policies/limits.yaml": LIMITS.replace("5/minute", "50/minute")})
    (change,) = [one for one in differences(old, new) if one.setting == "rate_limits.calls.limit"]
    assert (change.effect, change.before, change.after, change.routes) == ("loosens", "5/minute", "50/minute", ("one",))
    assert change.where_old == f"{tmp_path}/old/policies/limits.yaml:1"
    assert change.where_new == f"{tmp_path}/new/policies/limits.yaml:1"


def test_what_is_left_out_for_its_number_counts_as_a_loosening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("classes", "diff"):
        monkeypatch.setattr(f"gateway.review.diff.{module}.MOST", 2)
    old = config(tmp_path / "old", TEXT, {"policies/limits.yaml": LIMITS})
    new = config(tmp_path / "new", TEXT + "    # more\n", {"policies/limits.yaml": LIMITS.replace("5/", "4/")})
    assert [change.setting for change in differences(old, new) if change.loosens] == ["routes"]
    assert differences(old, old) == []
