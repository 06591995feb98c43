"""Files that change: loaded once for each content, whole or not at all. With real files and real events."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.config.files_read import FilesRead
from gateway.config.load import load
from gateway.config.model import Config
from gateway.process import file_watch
from gateway.process.file_watch import FileWatch
from tests.eventually import eventually

ENTRY = """\
version: 1
include: ["policies/*.yaml"]
upstreams: {tutor: {endpoints: [{url: "http://127.0.0.1:9"}], request_headers: {set: {x-key: "${file:key}"}}}}
routes: [{name: info, paths: [/info], upstream: tutor, auth: public, rate_limits: [few]}]
"""
POLICY = "rate_limits: {few: {limit: 5/1m, burst: 5, key: [address]}}\n"


class Watched:
    """A folder that is watched, and what was loaded from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entry = folder / "upstreams.yaml"
        self.policy = folder / "policies" / "limits.yaml"
        self.policy.parent.mkdir()
        self.entry.write_text(ENTRY)
        self.policy.write_text(POLICY)
        (folder / "key").write_text("one")
        self.reads = FilesRead()
        self.loaded: list[Config | str] = []
        self.torn = 0
        self.events: list[str] = []
        self.before_reading: Callable[[], None] = lambda: None
        self.load(self.reads)
        self.watch = FileWatch(lambda: self.reads, self.reload, lambda name, **_: self.events.append(name))

    def load(self, reads: FilesRead) -> Config | str:
        found = load(self.entry, {}, reads=reads)
        return found if isinstance(found, Config) else str(found[0])

    async def reload(self, is_there: Callable[[FilesRead], bool]) -> None:
        reads = FilesRead()
        found = self.load(reads)
        self.before_reading()
        if not is_there(reads):
            self.torn += 1
            return
        self.reads = reads
        self.loaded.append(found)

    def limit(self) -> object:
        found = self.loaded[-1]
        assert isinstance(found, Config), found
        settings: Any = found.policies["rate_limits"]["few"]
        return settings.burst


@pytest.fixture
async def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    monkeypatch.setattr(file_watch, "QUIET", 0.1)
    monkeypatch.setattr(file_watch, "GONE", 0.6)
    for name, milliseconds in (("DEBOUNCE", 50), ("STEP", 10), ("TIMEOUT", 100)):
        monkeypatch.setattr(f"gateway.process.file_events.{name}", milliseconds)
    made = Watched(tmp_path)
    made.watch.start()
    yield made
    made.watch.stop()
    thread = made.watch._thread
    assert thread is not None
    await asyncio.to_thread(thread.join, 10)
    assert not thread.is_alive()


async def nothing_more(watched: Watched, count: int) -> None:
    """Until a further change was seen, which a marker makes, nothing but that is loaded."""
    assert len(watched.loaded) == count
    (watched.folder / "key").write_text(f"marker {count}")
    await eventually(lambda: len(watched.loaded) > count)
    assert len(watched.loaded) == count + 1


async def test_a_change_is_loaded_and_the_same_content_in_another_file_is_not(watched: Watched) -> None:
    watched.policy.write_text(POLICY.replace("burst: 5", "burst: 6"))
    await eventually(lambda: watched.loaded)
    assert watched.limit() == 6
    copy = watched.folder / "copy"
    shutil.copy(watched.policy, copy)
    os.replace(copy, watched.policy)
    os.utime(watched.policy)
    await nothing_more(watched, 1)


async def test_files_secrets_and_new_files_of_a_pattern_are_all_watched(watched: Watched) -> None:
    (watched.folder / "key").write_text("two")
    await eventually(lambda: len(watched.loaded) == 1)
    (watched.policy.parent / "more.yaml").write_text("bodies: {json: {max: 1KiB, types: [application/json]}}\n")
    await eventually(lambda: len(watched.loaded) == 2)
    assert isinstance(watched.loaded[-1], Config) and "json" in watched.loaded[-1].policies["bodies"]
    (watched.policy.parent / "more.yaml").unlink()
    await eventually(lambda: len(watched.loaded) == 3)
    watched.entry.write_text(ENTRY.replace("/info]", "/other]"))
    await eventually(lambda: len(watched.loaded) == 4)


async def test_what_an_editor_does_in_steps_is_one_change(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_watch, "GONE", 5.0)
    watched.policy.rename(watched.policy.with_suffix(".yaml~"))
    await asyncio.sleep(0.2)
    watched.policy.write_text("")
    await asyncio.sleep(0.2)
    watched.policy.write_text(POLICY.replace("burst: 5", "burst: 7"))
    await eventually(lambda: watched.loaded)
    assert watched.limit() == 7
    await nothing_more(watched, 1)


async def test_a_file_that_stays_away_is_a_change_in_the_end(watched: Watched) -> None:
    watched.policy.unlink()
    await eventually(lambda: watched.loaded)
    assert watched.loaded == [
        f"{watched.entry}:2:11  include[0]  matches no file  patterns start at the folder of this file"
    ]


async def test_files_that_change_together_are_loaded_together(watched: Watched) -> None:
    for burst in range(6, 16):
        watched.policy.write_text(POLICY.replace("burst: 5", f"burst: {burst}"))
        (watched.folder / "key").write_text(f"key {burst}")
        await asyncio.sleep(0.03)
    await eventually(lambda: watched.loaded)
    await eventually(lambda: watched.limit() == 15)
    assert len(watched.loaded) < 10, "one on an idle machine"
    assert all(isinstance(one, Config) for one in watched.loaded)


async def test_what_was_torn_by_a_write_is_read_again_and_nobody_hears_of_it(watched: Watched) -> None:
    def write() -> None:
        watched.before_reading = lambda: None
        watched.policy.write_text(POLICY.replace("burst: 5", "burst: 9"))

    watched.before_reading = write
    watched.policy.write_text("rate_limits: {few: {lim")
    await eventually(lambda: watched.loaded)
    assert (watched.limit(), watched.torn) == (9, 1)


async def test_a_volume_of_kubernetes_is_swapped_as_a_whole(watched: Watched, tmp_path: Path) -> None:
    volume = watched.policy.parent
    for number, burst in ((1, 5), (2, 8)):
        (volume / f"..{number}").mkdir()
        (volume / f"..{number}" / "limits.yaml").write_text(POLICY.replace("burst: 5", f"burst: {burst}"))
    (volume / "..data").symlink_to("..1")
    (volume / "new").symlink_to("..data/limits.yaml")
    os.replace(volume / "new", watched.policy)  # the same content behind two links
    await nothing_more(watched, 0)
    (volume / "..data_tmp").symlink_to("..2")
    os.replace(volume / "..data_tmp", volume / "..data")
    shutil.rmtree(volume / "..1")
    await eventually(lambda: len(watched.loaded) == 2)
    assert watched.limit() == 8


async def test_a_directory_that_is_removed_and_made_anew_is_watched_again(watched: Watched) -> None:
    shutil.rmtree(watched.policy.parent)
    await eventually(lambda: watched.loaded)
    watched.policy.parent.mkdir()
    watched.policy.write_text(POLICY.replace("burst: 5", "burst: 6"))
    await eventually(lambda: len(watched.loaded) == 2)
    watched.policy.write_text(POLICY.replace("burst: 5", "burst: 7"))
    await eventually(lambda: len(watched.loaded) == 3)
    assert watched.limit() == 7


async def test_files_that_are_refused_are_loaded_once_for_each_content(watched: Watched) -> None:
    watched.policy.write_text("rubbish: 1")
    await eventually(lambda: watched.loaded)
    os.utime(watched.policy)
    await nothing_more(watched, 1)
    watched.policy.write_text(POLICY)
    await eventually(lambda: len(watched.loaded) == 3)
    assert watched.limit() == 5


async def test_a_change_of_before_the_watch_is_seen(tmp_path: Path, watched: Watched) -> None:
    watched.watch.stop()
    thread = watched.watch._thread
    assert thread is not None
    await asyncio.to_thread(thread.join, 10)
    watched.policy.write_text(POLICY.replace("burst: 5", "burst: 6"))
    watched.watch = FileWatch(lambda: watched.reads, watched.reload, lambda name, **_: None)
    watched.watch.start()
    await eventually(lambda: watched.loaded)
    assert watched.limit() == 6


async def test_without_events_it_looks_now_and_then_and_a_failure_does_not_end_it(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_watch, "EVERY", 0.05)
    monkeypatch.setattr(file_watch, "POLL", 0.05)
    monkeypatch.setattr(file_watch, "matters", lambda *_: False, raising=False)
    failures = ["once"]
    real = watched.watch._files.now

    def fail(*arguments: Any) -> Any:
        if failures:
            failures.pop()
            raise OSError("the file system is away")
        return real(*arguments)

    watched.watch._files.now = fail  # type: ignore[method-assign]  # a file system that is away
    monkeypatch.setattr("gateway.process.file_events.matters", lambda *_: False)
    watched.policy.write_text(POLICY.replace("burst: 5", "burst: 6"))
    await eventually(lambda: watched.loaded)
    assert (watched.limit(), watched.events) == (6, ["watch_failed"])
