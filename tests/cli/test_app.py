"""The command line as a whole: which commands there are, and how a wrong one and an error of the system end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.app import COMMANDS
from tests.cli.command_line import run

ROOT = Path(__file__).parents[2]


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    printed = capsys.readouterr().out
    for name in COMMANDS:
        assert f" {name} " in printed


@pytest.mark.parametrize("words", [["check", "--nonsense"], ["check", "too", "much"], ["nonsense"]])
def test_a_wrong_command_line_is_exit_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_the_module_is_the_command(good: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "gateway", "check"]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=30, env=env)
    severities = [line.partition(" ")[0] for line in ended.stderr.splitlines()]
    assert (ended.returncode, severities) == (0, 2 * ["high"] + 4 * ["medium"] + ["low"])


def test_an_error_of_the_system_is_one_line(
    good: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (good.parent / "taken").write_text("")
    assert run("schema", "--write", str(good.parent / "taken")) == 2
    printed = capsys.readouterr().err
    assert printed == "gateway: File exists\n"
