"""``acknowledge:`` in the entry file and in included ones: read whole, wrong ones with their line, and reminded of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.model import Config
from tests.config.problems import Problems

START = 'upstreams: {tutor: {endpoints: [{url: "http://127.0.0.1:1"}]}}\nroutes: [{name: a, paths: [/a], upstream: tutor, auth: public}]\n'
NEXT_MONTH = (datetime.now(UTC) + timedelta(days=30)).date()
LATER = (datetime.now(UTC) + timedelta(days=400)).date()


def one(id: str = "loosens: abc", until: object = NEXT_MONTH, more: str = "") -> str:
    return f"{{{id}, by: ada, reason: agreed, until: {until}{more}}}"


def test_those_of_all_files_are_read_in_the_order_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "auth.yaml").write_text(f"acknowledge:\n  - {one('finding: f1')}\n")
    (tmp_path / "body.yaml").write_text("acknowledge:\n")
    entry = tmp_path / "upstreams.yaml"
    entry.write_text(
        f"version: 1\ninclude: ['*y.yaml', auth.yaml]\n{START}acknowledge:\n  - {one()}\n  - {one('loosens: x')}\n"
    )
    loaded = load(entry, {})
    assert isinstance(loaded, Config), loaded
    assert [(each.loosens, each.finding) for each in loaded.acknowledgements] == [
        ("abc", None),
        ("x", None),
        (None, "f1"),
    ]
    assert (loaded.acknowledgements[0].by, loaded.acknowledgements[0].reason) == ("ada", "agreed")
    assert str(loaded.acknowledgements[2].position) == f"{tmp_path}/auth.yaml:2:5"


def test_the_digest_is_that_of_the_files_without_them(tmp_path: Path) -> None:
    entry = tmp_path / "upstreams.yaml"
    digests = set()
    for text in ("", "acknowledge: []\n", f"acknowledge: [{one()}]\n"):
        entry.write_text(f"version: 1\n{START}{text}")
        loaded = load(entry, {})
        assert isinstance(loaded, Config)
        digests.add(loaded.digest)
        assert loaded.served().acknowledgements == ()
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("5", "acknowledge must be a list"),
        ("{loosens: a}", "acknowledge must be a list"),
        ("[a]", "acknowledge[0] must be a mapping of keys to values"),
        (f"[{one()}, {{}}]", "acknowledge[1].by is missing"),
        (f"[{one('loosens: 123')}]", "acknowledge[0].loosens is a number to YAML"),
        (f"[{one('loosens: a, finding: b')}]", "acknowledge[0] must name one thing"),
        (f"[{one(more=', bye: x')}]", "acknowledge[0].bye is not a known key"),
        (f"[{one(until='soon')}]", "acknowledge[0].until is not a day"),
    ],
)
def test_a_wrong_one_is_a_problem(problems_of: Problems, written: str, problem: str) -> None:
    assert problem in problems_of(f"{START}acknowledge: {written}\n")


def test_a_misspelt_key_of_an_included_file_is_a_problem_of_it(tmp_path: Path) -> None:
    (tmp_path / "auth.yaml").write_text("acknowlege: []\n")
    (tmp_path / "upstreams.yaml").write_text(f"version: 1\ninclude: [auth.yaml]\n{START}")
    loaded = load(tmp_path / "upstreams.yaml", {})
    assert isinstance(loaded, list)
    assert [one.path for one in loaded] == ["acknowlege"]
    assert loaded[0].hint.startswith("did you mean acknowledge?")


def test_one_that_is_over_or_far_away_is_a_warning(warnings_of: Problems) -> None:
    assert warnings_of(f"{START}acknowledge: [{one()}]\n") == []
    assert warnings_of(f"{START}acknowledge: [{one()}, {one(until='2026-01-01')}]\n") == [
        "acknowledge[1].until is over, so it acknowledges nothing any more"
    ]
    assert warnings_of(f"{START}acknowledge: [{one(until=LATER)}]\n") == [
        "acknowledge[0].until is more than a year away"
    ]
