"""``gateway inputs diff``: what two folders of schema files differ in, for people and for programs."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gateway.cli import inputs
from tests.cli.command_line import run

TEXT = {"type": "string", "maxLength": 254}
Folders = dict[str, Path]


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: str, **files: Any) -> None:
    Path(folder).mkdir(exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        Path(folder, f"{name.replace('__', '.')}.json").write_text(text)


def test_equal_folders(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("a", auth__login=TEXT)
    write("b", auth__login={"maxLength": 254, "type": "string", "title": "An email"})
    assert run("inputs", "diff", "a", "b") == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("1 compared: 1 same\n", "")
    assert run("inputs", "diff", "a", "b", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "loosens": False, "compared": 1, "differences": []}


def test_differences(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("a", looser={"enum": ["x"]}, tighter=True, gone__query=TEXT, same=TEXT, both={"const": 1})
    write("b", looser={"enum": ["x", "\u001b[2J"]}, tighter={"const": 5}, new=TEXT, same=TEXT, both={"const": 2})
    assert run("inputs", "diff", "a", "b") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "both    both",
        "         B admits, A refuses: 2",
        "         A admits, B refuses: 1",
        "removed query of gone  has no schema any more",
        "looser  looser",
        '         B admits, A refuses: "\\u001b[2J"',
        "added   new  had no schema before",
        "tighter tighter",
        "         A admits, B refuses: null",
        "6 compared: 1 same, 1 tighter, 1 looser, 1 both, 1 added, 1 removed",
    ]
    assert run("inputs", "diff", "a", "b", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["loosens"], found["compared"]) == (False, True, 6)
    assert found["differences"][1] == {
        "input": "query of gone",
        "file": "gone.query.json",
        "verdict": "removed",
        "loosens": True,
        "gained": {"exists": "unknown", "example": None},
        "lost": {"exists": "no", "example": None},
        "sentence": "has no schema any more",
    }
    assert found["differences"][2]["gained"] == {"exists": "yes", "example": "\u001b[2J"}
    assert run("inputs", "diff", "b", "a", "--json") == 1
    verdicts = {one["input"]: one["verdict"] for one in json.loads(capsys.readouterr().out)["differences"]}
    assert verdicts["looser"] == "tighter" and verdicts["tighter"] == "looser"


def test_what_is_not_decided(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("a", x={"type": "string", "pattern": "^(?!a)b+$"})
    write("b", x={"type": "string", "pattern": "^(?!x)b+$"})
    assert run("inputs", "diff", "a", "b") == 1
    assert capsys.readouterr().out.splitlines() == [
        "unknown x",
        "         B admits, A refuses: perhaps, it could not be decided",
        "         A admits, B refuses: perhaps, it could not be decided",
        "1 compared: 1 unknown (unknown counts as looser)",
    ]


def test_a_long_example_is_cut_for_people(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("a", x={"type": "string", "maxLength": 5000})
    write("b", x={"type": "string", "maxLength": 5001})
    assert run("inputs", "diff", "a", "b") == 1
    assert max(map(len, capsys.readouterr().out.splitlines())) < 500
    assert run("inputs", "diff", "a", "b", "--json") == 1
    assert len(json.loads(capsys.readouterr().out)["differences"][0]["gained"]["example"]) == 5001


WRONG = {
    "no JSON": "{",
    "a number": "5",
    "no schema": '{"type": "nothing"}',
    "another file": '{"$ref": "other.json"}',
    "too deep": '{"not":' * 20_000,
    "a member twice": '{"maxLength": 1, "maxLength": 99}',
    "too long": '"' + "a" * 2**20 + '"',
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_wrong_files(text: str, folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("a", x=TEXT, y=TEXT)
    write("b", x=text, y=True)
    assert run("inputs", "diff", "a", "b") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("b/x.json:") and err.endswith("1 problem: nothing was compared\n")
    assert len(err) < 500 and err.count("\n") == 2
    assert run("inputs", "diff", "a", "b", "--json") == 2
    found = json.loads(capsys.readouterr().out)
    assert not found["ok"] and [one["file"] for one in found["problems"]] == ["b/x.json"]


def test_folders_that_hold_nothing(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("a")
    Path("file").write_text("{}")
    for wrong in ("a", "missing", "file"):
        write("b", x=TEXT)
        assert run("inputs", "diff", wrong, "b") == 2
        assert run("inputs", "diff", "b", wrong) == 2
        assert f"{wrong}:1:1" in capsys.readouterr().err


def test_a_bar_on_a_terminal_and_none_elsewhere(
    folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write("a", x=TEXT)
    terminal = io.StringIO()
    made = Console(file=terminal, force_terminal=True, width=80)
    monkeypatch.setattr(inputs, "console", lambda stderr=False: made if stderr else Console())
    assert run("inputs", "diff", "a", "a") == 0
    assert "Comparing" in terminal.getvalue()
    assert capsys.readouterr().err == ""
