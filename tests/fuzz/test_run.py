"""``make fuzz``: every harness runs, guided by coverage where there is a fuzzer for that, and a find is reported."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.engine import keep
from tests.fuzz.run import escaped_of, found_in, main, shares
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
HAS_WHEEL = sys.platform == "linux" and platform.machine() == "x86_64" and sys.version_info < (3, 14)


@pytest.mark.slow
def test_every_harness_runs_and_nothing_escapes() -> None:
    ran = subprocess.run(
        ["bash", "scripts/fuzz", "8"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    counted = re.findall(r"^(\w+) +([\d,]+) executions .* (\d+) finds$", ran.stdout, re.MULTILINE)
    assert [name for name, _, _ in counted] == list(TARGETS)
    assert all(int(number.replace(",", "")) > 100 for _, number, _ in counted), ran.stdout
    assert ("guided by coverage" in ran.stdout) == HAS_WHEEL, ran.stdout


def test_the_seconds_are_shared() -> None:
    assert shares(60.0, 8, 2) == 15.0
    assert shares(60.0, 1, 2) == 60.0
    assert shares(1.0, 8, 2) == 1.0


def test_a_harness_that_there_is_not_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["1", str(tmp_path), "jsn"]) == 2
    assert "no harness jsn; there are path, " in capsys.readouterr().err


def test_what_libfuzzer_leaves_is_a_find_where_nothing_smaller_was_kept(tmp_path: Path) -> None:
    left = tmp_path / "timeout-abc"
    left.write_bytes(b"endless")
    assert found_in(tmp_path) == [left]
    kept = keep(tmp_path / "finds", b"small")
    assert found_in(tmp_path) == [kept] and not left.exists()


def test_what_escaped_is_shown_without_the_rest() -> None:
    output = (
        "#1 NEW\n === Uncaught Python exception: ===\nKeyError: 1\n  line 2\n\n==7== ERROR: libFuzzer: exited\nstat"
    )
    assert escaped_of(output) == "KeyError: 1\n  line 2"
    assert escaped_of("killed\n") == "killed"
