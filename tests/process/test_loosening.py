"""What of a change somebody has answered for: each id for itself, in the files until its day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.config.acknowledgements import Acknowledgement
from gateway.config.model import Config
from gateway.config.tree import Position
from gateway.process.comparison import ConfigComparison
from gateway.process.loosening import MOST, judged, sentences
from tests.process.configs import written

NOON = datetime(2027, 1, 31, 12, tzinfo=UTC).timestamp()
DAY = 86_400.0


def change(id: str, effect: str = "loosens") -> dict[str, Any]:
    return {
        "id": id,
        "effect": effect,
        "routes": ["info"],
        "setting": "routes.info.auth",
        "before": "tokens",
        "after": "public",
        "where": {"old": "upstreams.yaml:1", "new": "upstreams.yaml:2"},
        "why": "Everybody comes in.",
    }


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return written(tmp_path)


def acknowledging(config: Config, loosens: str | None = None, finding: str | None = None) -> Config:
    one = Acknowledgement(loosens, finding, "grace", "a trial", date(2027, 1, 31), Position("upstreams.yaml", 1, 1))
    return replace(config, acknowledgements=(one,))


def test_each_loosening_needs_an_acknowledgement_of_its_own(config: Config) -> None:
    comparison = ConfigComparison((change("a"), change("b"), change("c", "tightens"), change("d", "changes")))
    found = judged(comparison, config, config, {"a", "x"}, NOON)
    assert [[one["id"] for one in part] for part in (found.all, found.open)] == [["a", "b"], ["b"]]
    assert found.acknowledged == ("a",)
    assert judged(comparison, config, config, {"a", "b"}, NOON).open == ()


def test_the_new_files_acknowledge_until_the_end_of_a_day_and_the_old_ones_do_not(config: Config) -> None:
    comparison, new = ConfigComparison((change("a"),)), acknowledging(config, "a")
    assert judged(comparison, config, new, (), NOON).open == ()
    assert judged(comparison, config, new, (), NOON + DAY).open != ()
    assert judged(comparison, new, config, (), NOON).open != ()
    assert judged(comparison, config, acknowledging(config, finding="a"), (), NOON).open != ()


def test_what_cannot_be_compared_is_a_loosening_whose_id_is_of_these_two(config: Config, tmp_path: Path) -> None:
    other = written(tmp_path, info="chat")
    (one,) = judged(ConfigComparison(failed="exit code -9"), config, other, (), NOON).open
    assert "exit code -9" in one["why"]
    assert judged(ConfigComparison(failed="TimeoutError"), config, other, {one["id"]}, NOON).open == ()
    third = written(tmp_path, info="logs")
    assert judged(ConfigComparison(failed="TimeoutError"), config, third, {one["id"]}, NOON).open != ()
    assert judged(ConfigComparison(failed="TimeoutError"), other, config, {one["id"]}, NOON).open != ()
    many = ConfigComparison(tuple(change(str(number)) for number in range(MOST + 1)))
    (one,) = judged(many, config, other, {str(number) for number in range(MOST + 1)}, NOON).open
    assert "1001 loosenings" in one["why"]


def test_a_line_says_where_what_and_how_to_answer_for_it_in_a_bounded_text() -> None:
    (line,) = sentences([change("a1")])
    assert line == (
        "upstreams.yaml:2  loosens routes.info.auth of info: tokens -> public  Everybody comes in.  acknowledge a1"
    )
    (line,) = sentences([{**change("a1"), "before": "x" * 10_000}])
    assert len(line) <= 513 and line.endswith("…")
