"""Threads for lookups: made before anybody is served, or a reason why they are not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gateway.core.addresses import LOOKUPS
from gateway.process.resolver_threads import lookups_at_once, make_resolver_threads
from tests.process.configs import written


def test_only_names_need_them(tmp_path: Path) -> None:
    assert not lookups_at_once(written(tmp_path))
    assert not lookups_at_once(written(tmp_path, "http://[::1]:9"))
    assert lookups_at_once(written(tmp_path, "http://backend.example:9")) == LOOKUPS
    for redis, servers in (("redis://127.0.0.1:9", 2), ("redis+sentinel://:p@a:1,b:2,c:3/m", 4)):
        config = written(tmp_path, **{"path: state": f"path: state, redis: '{redis}', key: " + "k1" * 20})
        assert lookups_at_once(config) == servers * LOOKUPS


def limit_threads(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Let no more than ``most`` threads be started at once."""
    start = threading.Thread.start
    before = threading.active_count()

    def some(thread: threading.Thread) -> None:
        if threading.active_count() >= before + most:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", some)


async def test_without_a_thread_more_there_is_an_error_and_none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    limit_threads(monkeypatch, 2)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        await make_resolver_threads(1)
    assert threading.active_count() == before


async def test_with_fewer_threads_than_names_would_need_there_are_the_usual_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A configuration with many names starts where the processes of a container are few, as it did."""
    monkeypatch.delenv("UV_THREADPOOL_SIZE", raising=False)
    limit_threads(monkeypatch, 6)
    await make_resolver_threads(30)
    assert os.environ["UV_THREADPOOL_SIZE"] == "4"
    monkeypatch.delenv("UV_THREADPOOL_SIZE")


@pytest.mark.parametrize(
    ("size", "lookups", "threads"),
    [(None, 1, 4), (None, 6, 11), (None, 900, 64), ("2", 6, 2), ("6", 1, 6), ("0", 1, 1), ("x", 1, 1)],
)
def test_the_threads_of_libuv_are_there_afterwards(size: str | None, lookups: int, threads: int) -> None:
    code = (
        "import asyncio, os, time, uvloop; from gateway.process.resolver_threads import make_resolver_threads\n"
        "async def main():\n"
        "    before = len(os.listdir('/proc/self/task'))\n"
        f"    await make_resolver_threads({lookups})\n"
        "    until = time.monotonic() + 5\n"  # a thread that is joined is still there for the kernel for a moment
        f"    while len(os.listdir('/proc/self/task')) - before > {threads} and time.monotonic() < until:\n"
        "        await asyncio.sleep(0)\n"
        "    print(len(os.listdir('/proc/self/task')) - before)\n"
        "uvloop.run(main())"
    )
    env = {key: value for key, value in os.environ.items() if key != "UV_THREADPOOL_SIZE"}
    env |= {"UV_THREADPOOL_SIZE": size} if size is not None else {}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert int(ran.stdout) == threads
