"""``gateway check`` as people and programs call it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.app import main

ROOT = Path(__file__).parent.parent.parent
CASES = ROOT / "tests" / "config" / "cases"
GOOD = """version: 1
upstreams: {tutor: {endpoints: [{url: "http://127.0.0.1:8787"}], trpc: {prefix: /api/trpc}}}
ops: {token: "${OPS_TOKEN:-}"}
routes:
  - {name: a, procedures: [lessons.getAll, lessons.getById], upstream: tutor, auth: public}
"""


def run(*words: str) -> int:
    """The exit code of one command."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return ended.value.code if isinstance(ended.value.code, int) else 0


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "upstreams.yaml"
    path.write_text(GOOD)
    return path


def test_a_good_file_is_one_line(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check") == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("ok: 1 routes, 2 procedures, 0 policies, environment development, digest ")
    assert printed.out.count("\n") == 1 and printed.err == ""


def test_a_good_file_as_json(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--config", str(good), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True and report["routes"] == 1 and len(report["digest"]) == 64
    assert report["files"] == [str(good)]


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


@pytest.mark.parametrize("words", [["check", "--nonsense"], ["check", "too", "much"], ["nonsense"]])
def test_a_wrong_command_line_is_exit_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_the_module_is_the_command(good: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "gateway", "check"]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=30, env=env)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    printed = capsys.readouterr().out
    for name in ("run", "check", "routes", "schema", "token", "demo"):
        assert f" {name} " in printed


def test_an_error_of_the_system_is_one_line(
    good: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (good.parent / "taken").write_text("")
    assert run("schema", "--write", str(good.parent / "taken")) == 2
    printed = capsys.readouterr().err
    assert printed == "gateway: File exists\n"
