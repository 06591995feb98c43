"""The engine that runs a harness: it finds what was planted, makes it small, keeps it and runs it again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import engine
from tests.fuzz.targets import GROWN, MOST, TARGETS, Target, exercise, grown
from tests.processor_time import thread_time

ROOT = Path(__file__).parents[2]


def breaks(data: bytes) -> None:
    if b"\xffc" in data and len(data) > 2:
        raise KeyError("planted")


def quadratic(data: bytes) -> None:
    until = thread_time() + (len(data) / 2**16) ** 2 * MOST * 40
    while thread_time() < until:
        pass


PLANTED = Target(breaks, (b"abc", b"de"), (b"\xff", b"c"))


def test_what_was_planted_is_found_made_small_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TARGETS, "planted", PLANTED)
    assert engine.by_mutation("planted", 20.0, tmp_path) > 0
    (kept,) = (tmp_path / "finds").iterdir()
    assert len(kept.read_bytes()) == 3 and b"\xffc" in kept.read_bytes()


def test_nothing_is_kept_where_nothing_escapes(tmp_path: Path) -> None:
    assert engine.by_mutation("path", 0.2, tmp_path) > 10
    assert list(tmp_path.iterdir()) == []


def test_a_smaller_input_is_one_for_which_the_same_escapes() -> None:
    def work(data: bytes) -> None:
        if len(data) < 4:
            raise ValueError("another one")
        breaks(data)

    assert engine.smallest(work, b"x" * 100 + b"\xffc" + b"y" * 100, 5.0) in (b"xx\xffc", b"x\xffcy", b"\xffcyy")


def test_a_find_runs_again(tmp_path: Path) -> None:
    (tmp_path / "find").write_bytes(b"/a?b")
    command = [sys.executable, "-m", "tests.fuzz.engine", "path", str(tmp_path / "find")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "path: nothing escapes\n"


def test_work_that_is_not_linear_is_a_find() -> None:
    target = Target(quadratic, (b"a",), (b"b",))
    with pytest.raises(AssertionError, match="more than"):
        for number in range(20 * GROWN):
            exercise(target, b"%d" % number)


def test_what_grows_is_a_piece_of_the_input() -> None:
    large = grown(b"/abcdefghijklmnopqrstuvwxyz", 4096)
    assert 4000 < len(large) <= 4096 and large[:1] == b"/" and large[-1:] == b"z"
