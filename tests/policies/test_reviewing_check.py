"""What docs/reviewing.md shows of ``gateway check`` is what it says of the shipped files after that edit."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cli.command_line import run

ROOT = Path(__file__).parents[2]


def test_the_example_is_the_commands_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "reviewing.md").read_text()
    found = re.search(r"\$ sed -i '/(.+)/d' upstreams.yaml\n\$ gateway (check .+)\n((?:.+\n)+)```", page)
    assert found is not None
    gone, words, shown = found.groups()
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    lines = (ROOT / "upstreams.yaml").read_text().splitlines(keepends=True)
    (tmp_path / "upstreams.yaml").write_text("".join(line for line in lines if gone not in line))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_ENV", raising=False)
    assert run(*words.split()) == 0
    printed = capsys.readouterr()
    # Lines, the digest and the machine change without what is shown being another.
    assert judged(printed.err + printed.out) == judged(shown)


def judged(text: str) -> list[str]:
    lines = (re.sub(r"\.yaml:[0-9:]+|digest \w+", "", line) for line in text.splitlines())
    return [line for line in lines if not line.startswith(("note: ", "ok: ", "schemas: "))]
