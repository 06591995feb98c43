"""Processes that share a descriptor and write lines to it: one that was killed or is stopped costs the others nothing."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway.ops.sink
from tests.eventually import eventually
from tests.ops.log_pipe import LONG, Maker, Pipe

STOPS = """
import signal, sys
from pathlib import Path
from gateway.ops.sink import Sink
sink = Sink(1, Path(sys.argv[1]), delay=0.001)
for number in range(100):
    sink.write(b"%03d" % number + b"s" * 2000)
signal.pause()
"""


@contextlib.contextmanager
def another_process_within_a_write(pipe: Pipe, lock: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes to the pipe, which is full, so that it waits inside a line."""
    words = [sys.executable, "-c", STOPS, str(lock)]
    with subprocess.Popen(words, stdout=pipe.writer) as other:
        try:
            while select.select([], [pipe.writer], [], 0.01)[1]:
                assert other.poll() is None
            yield other
        finally:
            other.kill()


def read_until(pipe: Pipe, line: bytes) -> list[bytes]:
    """The lines up to ``line``."""
    received = b""
    while b"\n" + line + b"\n" not in received:
        assert select.select([pipe.reader], [], [], LONG)[0], received[-200:]
        received += os.read(pipe.reader, 65536)
    return received.split(b"\n")[:-1]


def whole(number: int) -> bytes:
    return b"%03d" % number + b"s" * 2000


def test_the_line_behind_that_of_a_process_that_was_killed_within_it_is_whole(
    make_sink: Maker, pipe: Pipe, tmp_path: Path
) -> None:
    sink = make_sink(lock=tmp_path / "lock")
    with another_process_within_a_write(pipe, tmp_path / "lock") as other:
        other.kill()
        other.wait()
    sink.write(b"mine")
    found = read_until(pipe, b"mine")
    torn = found[-2]
    assert found[:-2] == [whole(number) for number in range(len(found) - 2)]
    assert whole(len(found) - 2).startswith(torn) and torn
    sink.write(b"next")
    assert os.read(pipe.reader, 100) == b"next\n", "and no empty line behind whole ones"


def test_a_process_that_is_stopped_within_a_write_does_not_silence_the_others(
    make_sink: Maker, pipe: Pipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.ops.sink, "STOPPED", 0.1)
    sink = make_sink(lock=tmp_path / "lock")
    with another_process_within_a_write(pipe, tmp_path / "lock") as other:
        other.send_signal(signal.SIGSTOP)
        os.waitpid(other.pid, os.WUNTRACED)
        sink.write(b"mine")
        sink.write(b"mine too")
        found = read_until(pipe, b"mine too")
        assert found[-2] == b"mine", "two whole lines behind what was torn"
        other.send_signal(signal.SIGCONT)
        while not found[-1].startswith(b"099"):
            found += [line for line in os.read(pipe.reader, 2**20).split(b"\n") if line]
        assert sum(line == whole(int(line[:3])) for line in found if line[:3].isdigit()) >= 90


async def test_a_process_that_waits_for_a_slow_reader_is_waited_for(
    make_sink: Maker, pipe: Pipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.ops.sink, "STOPPED", 0.05)
    sink = make_sink(lock=tmp_path / "lock")
    with another_process_within_a_write(pipe, tmp_path / "lock"):
        sink.write(b"mine")
        await asyncio.sleep(0.2)  # longer than one that is stopped is waited for
        found = read_until(pipe, b"mine")
    assert found[:-1] == [whole(number) for number in range(len(found) - 1)], "no line is torn"


async def test_a_line_that_was_torn_is_ended_by_whoever_writes_next_however_often_that_fails(
    make_sink: Maker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written: list[bytes] = []
    results = iter([3, OSError(errno.ENOSPC, "full"), OSError(errno.ENOSPC, "full"), 5])

    def write(_: int, data: memoryview) -> int:
        result = next(results)
        if isinstance(result, OSError):
            raise result
        written.append(bytes(data[:result]))
        return result

    monkeypatch.setattr("gateway.ops.sink.os.write", write)
    sink, other = (make_sink(lock=tmp_path / "lock") for _ in range(2))
    sink.write(b"abcdef")
    await eventually(lambda: sink.dropped == 1)
    sink.write(b"ghi")
    sink.close(LONG)
    other.write(b"jkl")
    other.close(LONG)
    assert (written, sink.dropped) == ([b"abc", b"\njkl\n"], 2)
