"""Which directories show a change, and what is there now."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.config.files_read import FILE, NAMES, Contents, FilesRead
from gateway.process import watched_files
from gateway.process.watched_files import WatchedFiles, directories, matters

LONG_AFTER = 2**62  # nanoseconds, so that no file is fresh


def reading(*paths: Path, patterns: tuple[tuple[Path, str], ...] = ()) -> FilesRead:
    reads = FilesRead()
    for path in paths:
        reads.note(path, 1000)
    for folder, pattern in patterns:
        reads.match(folder, pattern)
    return reads


def test_a_link_is_watched_where_it_is_and_where_it_leads_however_many_there_are(tmp_path: Path) -> None:
    (tmp_path / "volume" / "..2026").mkdir(parents=True)
    (tmp_path / "volume" / "..2026" / "a.yaml").touch()
    (tmp_path / "volume" / "..data").symlink_to("..2026")
    (tmp_path / "volume" / "a.yaml").symlink_to("..data/a.yaml")
    (tmp_path / "config").symlink_to("volume")
    watched = directories(reading(tmp_path / "config" / "a.yaml"))
    for name in ("config/a.yaml", "config", "volume/a.yaml", "volume/..data", "volume/..2026/a.yaml", "volume"):
        assert matters(watched, str(tmp_path / name)), name
    assert not matters(watched, str(tmp_path / "volume" / "other.yaml"))
    assert not matters(watched, str(tmp_path / "other"))


def test_links_in_a_circle_and_files_that_are_not_there_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    watched = directories(reading(tmp_path / "a" / "x", tmp_path / "no" / "such" / "file"))
    assert matters(watched, str(tmp_path / "no"))
    assert watched[str(tmp_path / "no" / "such")].identity is None


@pytest.mark.parametrize(
    ("pattern", "new"),
    [
        ("policies/*.yaml", "policies/new.yaml"),
        ("*.yaml", "new.yaml"),
        ("p*/*.yaml", "policies/new.yaml"),
        ("p*/*.yaml", "papers"),
        ("**/*.yaml", "policies/deep/new.yaml"),
        ("none/*.yaml", "none"),
    ],
)
def test_a_pattern_is_watched_wherever_a_new_name_may_match_it(tmp_path: Path, pattern: str, new: str) -> None:
    (tmp_path / "policies" / "deep").mkdir(parents=True)
    assert matters(directories(reading(patterns=((tmp_path, pattern),))), str(tmp_path / new))


def test_a_directory_that_is_made_anew_is_another_one(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    reads = reading(tmp_path / "sub" / "a.yaml")
    before = directories(reads)
    (tmp_path / "sub").rename(tmp_path / "away")
    assert directories(reads) != before
    (tmp_path / "sub").mkdir()
    assert directories(reads)[str(tmp_path / "sub")].identity not in (None, before[str(tmp_path / "sub")].identity)


def test_there_is_a_bound_on_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched_files, "MOST_DIRECTORIES", 5)
    for number in range(20):
        (tmp_path / "many" / str(number)).mkdir(parents=True)
    assert len(directories(reading(patterns=((tmp_path, "many/*/*.yaml"),)))) == 5


def test_a_file_is_read_again_only_when_it_looks_otherwise_or_was_just_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a"
    file.write_text("one")
    reads, files = reading(file), WatchedFiles()
    read: list[str] = []
    real = watched_files.digest_of_file

    def noted(path: str, most: int) -> Any:
        read.append(path)
        return real(path, most)

    monkeypatch.setattr(watched_files, "digest_of_file", noted)

    def now(wall_ns: int) -> Contents:
        return files.now(reads, wall_ns)

    assert now(LONG_AFTER) == now(LONG_AFTER) == reads.contents
    assert len(read) == 1
    times = os.stat(file)
    file.write_text("two")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))  # as with a clock that is too coarse
    assert now(time.time_ns()) != reads.contents
    file.unlink()
    assert now(LONG_AFTER)[FILE, str(file), ""] is None


def test_a_pipe_counts_as_what_was_read_from_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reads = FilesRead({(FILE, str(tmp_path / "pipe"), ""): b"digest"}, {str(tmp_path / "pipe"): 10})
    assert WatchedFiles().now(reads, LONG_AFTER) == reads.contents


def test_names_are_part_of_it(tmp_path: Path) -> None:
    reads = reading(patterns=((tmp_path, "*.yaml"),))
    (tmp_path / "new.yaml").touch()
    assert (
        WatchedFiles().now(reads, LONG_AFTER)[NAMES, str(tmp_path), "*.yaml"]
        != reads.contents[NAMES, str(tmp_path), "*.yaml"]
    )
