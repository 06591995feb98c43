"""Which interpreter ``make`` sets up with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "python"

# Every call and line of what it runs goes through a tracer: many times slower than without, on any machine.
BRAKE = "import sys\ntrace = lambda *seen: trace\nsys.settrace(trace)\n"


def interpreter(folder: Path, name: str, *, slow: bool) -> Path:
    """A folder for the PATH with a ``python3`` that is this one, slowed down or not."""
    bin_folder = folder / name
    bin_folder.mkdir()
    (bin_folder / "sitecustomize.py").write_text(BRAKE if slow else "")
    (bin_folder / "python3").write_text(f'#!/bin/sh\nPYTHONPATH={bin_folder} exec {sys.executable} "$@"\n')
    (bin_folder / "python3").chmod(0o755)
    return bin_folder


def choose(*path: Path | str, **more: str) -> subprocess.CompletedProcess[str]:
    bare = {"PATH": ":".join(map(str, (*path, "/usr/bin", "/bin"))), **more}
    # Nothing of the system's own: its interpreters would be candidates too.
    return subprocess.run(
        ["bash", "-c", f'PATH="{":".join(map(str, path))}:$TOOLS" exec bash {SCRIPT}'],
        env={**bare, "TOOLS": str(tools(path))},
        capture_output=True,
        text=True,
        check=False,
    )


def tools(path: tuple[Path | str, ...]) -> Path:
    """A folder with the few programs that the script needs, and no interpreter."""
    bin_folder = Path(path[0]).parent / "tools"
    bin_folder.mkdir(exist_ok=True)
    for name in ("bash", "sh", "awk"):
        if not (bin_folder / name).exists():
            found = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True, check=True)
            (bin_folder / name).symlink_to(found.stdout.strip())
    return bin_folder


def test_the_quicker_of_two_is_taken_wherever_it_stands(tmp_path: Path) -> None:
    slow, quick = interpreter(tmp_path, "slow", slow=True), interpreter(tmp_path, "quick", slow=False)
    assert choose(slow, quick).stdout == f"{quick}/python3\n"
    assert choose(quick, slow).stdout == f"{quick}/python3\n"


def test_one_that_is_slow_is_better_than_none(tmp_path: Path) -> None:
    slow = interpreter(tmp_path, "slow", slow=True)
    assert choose(slow).stdout == f"{slow}/python3\n"


def test_the_one_that_was_named_is_taken(tmp_path: Path) -> None:
    slow, quick = interpreter(tmp_path, "slow", slow=True), interpreter(tmp_path, "quick", slow=False)
    assert choose(quick, PYTHON=f"{slow}/python3").stdout == f"{slow}/python3\n"


@pytest.mark.parametrize("named", [{}, {"PYTHON": "no-such-python"}])
def test_where_there_is_none_the_script_says_so(tmp_path: Path, named: dict[str, str]) -> None:
    (tmp_path / "empty").mkdir()
    failed = choose(tmp_path / "empty", **named)
    assert failed.returncode == 1
    assert "Python 3.11" in failed.stderr
