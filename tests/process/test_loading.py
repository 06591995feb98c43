"""Files are read off the loop, one reading at a time, and never waited for without end."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from gateway.config.files_read import FilesRead
from gateway.config.model import Config
from gateway.config.problem import Problem
from gateway.process.loading import Loading
from tests.eventually import eventually
from tests.process.configs import written


async def test_what_the_files_say_or_what_is_wrong_with_them(tmp_path: Path) -> None:
    config = written(tmp_path)
    assert (await Loading(lambda _: config).load()).found is config
    problem = Problem("upstreams.yaml", 3, 1, "routes", "is wrong", "")
    assert (await Loading(lambda _: [problem]).load()).found == [str(problem)]


async def test_a_reading_that_does_not_end_is_given_up_and_no_second_one_begins_beside_it(tmp_path: Path) -> None:
    config, go_on, begun = written(tmp_path), threading.Event(), []

    def read(_: FilesRead) -> Config | list[Problem]:
        begun.append(threading.current_thread())
        go_on.wait(10)
        return config

    loading = Loading(read, 0.02)
    assert (await loading.load()).found == ["the files could not be read within 0.02 s"]
    assert (await loading.load()).found == ["the files are still being read, since a reload that took too long"]
    assert len(begun) == 1 and begun[0].daemon, "the run can end"
    go_on.set()
    await eventually(lambda: not begun[0].is_alive())
    assert (await loading.load()).found is config


async def test_two_that_ask_at_once_are_read_for_one_after_the_other(tmp_path: Path) -> None:
    config, under_way, most = written(tmp_path), [0], [0]

    def read(_: FilesRead) -> Config | list[Problem]:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        under_way[0] -= 1
        return config

    loading = Loading(read)
    assert [one.found for one in await asyncio.gather(*(loading.load() for _ in range(5)))] == [config] * 5
    assert most == [1]


async def test_a_bug_in_reading_refuses_and_does_not_hang() -> None:
    def read(_: FilesRead) -> Config | list[Problem]:
        raise RecursionError("deep")

    assert (await Loading(read).load()).found == ["the files could not be read: RecursionError"]


async def test_what_was_read_is_compared_with_what_is_there_in_the_thread_that_has_read_it(tmp_path: Path) -> None:
    config, threads = written(tmp_path), []

    def is_there(reads: FilesRead) -> bool:
        threads.append(threading.current_thread())
        return False

    loaded = await Loading(lambda _: config).load(is_there)
    assert (loaded.found, loaded.torn) == (config, True)
    assert threads[0] is not threading.current_thread()
