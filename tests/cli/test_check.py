"""``gateway check`` as people and programs call it."""

import json
from pathlib import Path

import pytest

from tests.cli.command_line import run


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
