"""Lines for people on a standard error that cannot be written to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.stderr import write_line

TWO_LINES = "import sys; from gateway.cli.stderr import write_line; write_line('one'); write_line('two'); sys.exit(7)"


def test_a_line_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    write_line("gateway run: it is so")
    assert capsys.readouterr().err == "gateway run: it is so\n"


def test_a_full_disk_costs_the_lines_and_changes_no_exit_code() -> None:
    with Path("/dev/full").open("w") as full:
        assert subprocess.run([sys.executable, "-c", TWO_LINES], stderr=full, check=False).returncode == 7
