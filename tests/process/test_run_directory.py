"""The folder of a run, and those that killed runs left behind."""

from __future__ import annotations

import stat
from pathlib import Path

from gateway.process.run_directory import RunFolder


def test_the_folder_is_private_and_goes_with_the_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "var" / "state")
    assert folder.figures.is_dir()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    folder.remove()
    assert list((tmp_path / "var" / "state").iterdir()) == []


def test_folders_of_dead_runs_go_and_of_living_ones_stay(tmp_path: Path) -> None:
    dead = tmp_path / "run-dead"
    dead.mkdir()
    (dead / "alive").touch()
    (dead / "figures").mkdir()
    empty = tmp_path / "run-being-made"
    empty.mkdir()
    other = tmp_path / "data.mdb"
    other.touch()
    first = RunFolder(tmp_path)
    second = RunFolder(tmp_path)
    assert not dead.exists()
    assert empty.exists() and other.exists()
    assert first.path.exists() and second.path.exists()
    first.remove()
    second.remove()
