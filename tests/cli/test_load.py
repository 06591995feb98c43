"""The configuration as commands read it: its problems on a terminal and for programs."""

import json
from pathlib import Path

import pytest

from tests.cli.command_line import GOOD, run

CASES = Path(__file__).parents[1] / "config" / "cases"


def test_problems_are_one_a_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES / "units")
    assert run("check") == 2
    printed = capsys.readouterr()
    expected = (CASES / "units" / "expected.txt").read_text()
    assert printed.out == ""
    assert printed.err == f"{expected}{len(expected.splitlines())} problems: the gateway would not start\n"


def test_problems_as_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES / "include_missing")
    assert run("check", "--json") == 2
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert report["problems"][0] == {
        "file": "upstreams.yaml",
        "line": 6,
        "column": 11,
        "path": "include[0]",
        "sentence": "matches no file",
        "hint": "patterns start at the folder of this file",
    }


def test_a_file_that_is_not_there(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--config", "nothing.yaml") == 2
    assert "nothing.yaml:1:1  cannot be read" in capsys.readouterr().err


def test_brackets_in_names_are_not_markup(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_text(GOOD + '"[red]x[/]": 1\n')
    assert run("check") == 2
    assert "[red]x[/]  is not a known key" in capsys.readouterr().err
