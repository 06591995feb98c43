"""Events of the real file system."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.config.files_read import FilesRead
from gateway.process.file_events import FileEvents
from gateway.process.watched_files import Directory, directories


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileEvents]:
    for name, milliseconds in (("DEBOUNCE", 50), ("STEP", 10), ("TIMEOUT", 100)):
        monkeypatch.setattr(f"gateway.process.file_events.{name}", milliseconds)
    made = FileEvents(threading.Event())
    yield made
    made.close()


def watching(path: Path) -> dict[str, Directory]:
    reads = FilesRead()
    reads.note(path, 1000)
    return directories(reads)


def waited(events: FileEvents, seconds: float) -> float:
    began = time.monotonic()
    events.wait(seconds)
    return time.monotonic() - began


def test_a_change_ends_the_wait_and_one_of_another_file_does_not(events: FileEvents, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    assert events.watch(watching(file))
    assert not events.watch(watching(file)), "the same ones"
    assert waited(events, 60.0) < 30.0, "the first look comes soon, since nothing before it was watched"
    (tmp_path / "log").write_text("x")
    assert waited(events, 0.2) >= 0.2
    written = threading.Timer(0.1, file.write_text, ("a",))
    written.start()
    assert waited(events, 60.0) < 30.0
    written.join()


def test_a_directory_where_others_write_all_the_time_does_not_put_off_the_end_of_the_wait(
    events: FileEvents, tmp_path: Path
) -> None:
    events.watch(watching(tmp_path / "a.yaml"))
    done = threading.Event()

    def write() -> None:
        while not done.wait(0.05):
            (tmp_path / "log").write_text("x")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert waited(events, 60.0) < 30.0, "nor that of the first one"
        assert waited(events, 0.2) < 30.0
    finally:
        done.set()
        writer.join()


def test_a_stop_ends_the_wait(tmp_path: Path) -> None:
    stop = threading.Event()
    events = FileEvents(stop)
    events.watch(watching(tmp_path / "a.yaml"))
    events.wait(0.0)
    threading.Timer(0.1, stop.set).start()
    assert waited(events, 60.0) < 30.0
    events.close()


def test_without_watches_of_the_kernel_it_waits_for_the_time_and_says_why(
    events: FileEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> Iterator[Any]:
        raise OSError(errno.ENOSPC, "no more watches")
        yield

    monkeypatch.setattr("watchfiles.watch", full)
    watched = watching(tmp_path / "a.yaml")
    events.watch(watched)
    assert waited(events, 0.05) >= 0.05
    assert events.lost == "No space left on device"
    monkeypatch.undo()
    assert not events.watch(watched)
    assert waited(events, 0.05) >= 0.05
    (tmp_path / "a.yaml").mkdir()
    assert events.watch(watching(tmp_path / "a.yaml" / "b")) and not events.lost, "other directories are tried again"
