"""Comparing in a process of its own: what it finds, and what becomes of one that dies, hangs or says too much."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from gateway.process import comparison
from gateway.process.comparison import NOTHING, compare
from tests.process.configs import written

EXTRA = "  - {name: extra, paths: [/extra], upstream: tutor, auth: public}\n"


async def test_what_differs_comes_back_with_its_lines_and_ids(tmp_path: Path) -> None:
    old, new = written(tmp_path), written(tmp_path, more=EXTRA)
    (found,) = (await compare(old, new)).loosenings
    assert (found["setting"], found["routes"], found["where"]["new"]) == (
        "routes.extra",
        ["extra"],
        f"{tmp_path / 'upstreams.yaml'}:14",
    )
    assert (await compare(new, old)).loosenings == ()
    assert await compare(old, old) is NOTHING, "and no process"


@pytest.mark.parametrize(
    ("program", "failed"),
    [
        ("import os; os.kill(os.getpid(), 9)", "exit code -9"),
        ("raise SystemExit(3)", "exit code 3"),
        ("print('no JSON')", "JSONDecodeError"),
        ("import signal; signal.pause()", "not done within 0.3 s"),
        ("import sys; sys.stdout.write('x' * 1000); sys.stdout.flush(); import signal; signal.pause()", "ValueError"),
    ],
)
async def test_one_that_fails_says_so_and_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, failed: str
) -> None:
    real = asyncio.create_subprocess_exec
    made: list[asyncio.subprocess.Process] = []

    async def other(*_: str, **more: object) -> asyncio.subprocess.Process:
        made.append(await real(sys.executable, "-c", program, **more))  # type: ignore[arg-type]  # what is passed on
        return made[-1]

    monkeypatch.setattr(comparison.asyncio, "create_subprocess_exec", other)
    monkeypatch.setattr(comparison, "LARGEST", 500)
    found = await compare(written(tmp_path), written(tmp_path, more=EXTRA), seconds=0.3 if "0.3" in failed else 10)
    assert (found.failed, found.changes) == (failed, ())
    assert made[0].returncode is not None


async def test_without_a_process_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", os.devnull)
    assert (await compare(written(tmp_path), written(tmp_path, more=EXTRA))).failed == "PermissionError"
