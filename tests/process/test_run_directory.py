"""The directory of a run, and those that killed runs left behind."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from gateway.process.run_directory import RunDirectory, hold, log_lock


def test_the_directory_is_private_and_goes_with_the_run(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "var" / "state")
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
    assert log_lock(directory.path).parent == directory.path
    directory.remove()
    assert list((tmp_path / "var" / "state").iterdir()) == []


def test_directories_of_dead_runs_go_and_of_living_ones_stay(tmp_path: Path) -> None:
    dead = tmp_path / "run-dead"
    dead.mkdir()
    (dead / "alive").touch()
    (dead / "log.lock").touch()
    empty = tmp_path / "run-being-made"
    empty.mkdir()
    other = tmp_path / "data.mdb"
    other.touch()
    first = RunDirectory(tmp_path)
    second = RunDirectory(tmp_path)
    assert not dead.exists()
    assert empty.exists() and other.exists()
    assert first.path.exists() and second.path.exists()
    first.remove()
    second.remove()


def test_a_worker_holds_the_directory_when_the_supervisor_is_gone(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    held = hold(directory.path)
    os.close(directory._alive)  # as the kernel does when the supervisor is killed
    RunDirectory(tmp_path).remove()
    assert directory.path.exists()
    os.close(held)
    RunDirectory(tmp_path).remove()
    assert not directory.path.exists()


def test_a_directory_that_was_removed_is_made_again_for_a_worker_that_is_replaced(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "state")
    shutil.rmtree(tmp_path / "state")
    held = hold(directory.path)
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
    os.close(held)
    directory.remove()
