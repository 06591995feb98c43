"""Lines reach the descriptor whole, or are counted; nobody waits for them."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from pathlib import Path

import pytest

import gateway.ops.sink
from gateway.core.shortage import Shortage
from gateway.ops.sink import MANY, SLICE
from tests.eventually import eventually
from tests.ops.log_pipe import LONG, Maker, Pipe


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def test_lines_are_written_in_order_on_close(make_sink: Maker, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        sink = make_sink(file.fileno(), delay=60.0)
        for number in range(1000):
            sink.write(b"%d" % number)
        sink.close(LONG)
    assert lines(tmp_path / "log") == [b"%d" % number for number in range(1000)]
    assert sink.dropped == 0


def test_a_line_is_written_by_itself_after_the_delay(make_sink: Maker, pipe: Pipe) -> None:
    sink = make_sink(delay=0.01)
    sink.write(b"alone")
    assert os.read(pipe.reader, 100) == b"alone\n"
    sink.write(b"again")
    assert os.read(pipe.reader, 100) == b"again\n"


def test_many_lines_are_written_before_the_delay(make_sink: Maker, pipe: Pipe) -> None:
    sink = make_sink(delay=3600.0)
    for _ in range(MANY + 1):
        sink.write(b"xxxxxxxxx")
    assert os.read(pipe.reader, 10) == b"xxxxxxxxx\n"  # or it would block for an hour


def test_flush_does_not_wait_for_the_delay(make_sink: Maker, pipe: Pipe) -> None:
    sink = make_sink(delay=3600.0)
    sink.write(b"now")
    sink.flush()
    assert os.read(pipe.reader, 10) == b"now\n"


async def test_a_reader_that_is_gone_costs_lines_and_nothing_else(make_sink: Maker, pipe: Pipe) -> None:
    sink = make_sink()
    pipe.hang_up()
    sink.write(b"one")
    await eventually(lambda: sink.dropped == 1)
    sink.write(b"two")
    sink.close(LONG)
    assert sink.dropped == 2


def test_a_full_disk_costs_lines_and_nothing_else(make_sink: Maker) -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        sink = make_sink(full.fileno())
        sink.write(b"one")
        sink.close(LONG)
    assert sink.dropped == 1


async def test_a_disk_that_was_full_has_the_next_lines_and_how_many_are_missing(
    make_sink: Maker, tmp_path: Path
) -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    sink = make_sink(fd)
    sink.gap_line = lambda missing: b"%d missing" % missing
    assert sink.take_shortage() is None
    for _ in range(3):
        sink.write(b"lost")
    await eventually(lambda: sink.dropped == 3)
    assert (sink.take_shortage(), sink.take_shortage()) == (Shortage.DISK, None)
    with (tmp_path / "log").open("wb") as room:
        os.dup2(room.fileno(), fd)  # room was made
    sink.write(b"kept")
    sink.close(LONG)
    os.close(fd)
    assert lines(tmp_path / "log") == [b"3 missing", b"kept"]


async def test_a_reader_that_is_gone_is_no_shortage(make_sink: Maker, pipe: Pipe) -> None:
    sink = make_sink()
    pipe.hang_up()
    sink.write(b"lost")
    await eventually(lambda: sink.dropped == 1)
    assert sink.take_shortage() is None


async def test_without_a_thread_for_it_lines_wait_and_writing_never_raises(
    make_sink: Maker, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    sink = make_sink(backlog=4)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none)
        for number in range(6):
            sink.write(b"%d" % number)
        assert (sink.take_shortage(), sink.dropped) == (Shortage.THREADS, 2)
    sink._lines.pop()
    sink.write(b"next")
    assert await asyncio.to_thread(os.read, pipe.reader, 100) == b"0\n1\n2\nnext\n"


async def test_a_write_for_which_there_is_no_memory_costs_its_lines_and_not_the_thread(
    make_sink: Maker, tmp_path: Path
) -> None:
    def no_memory(missing: int) -> bytes:
        raise MemoryError

    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    sink = make_sink(fd)
    sink.dropped, sink.gap_line = 1, no_memory
    sink.write(b"lost")
    await eventually(lambda: sink.dropped == 2)
    assert sink.take_shortage() is Shortage.MEMORY
    sink.gap_line = None
    sink.write(b"kept")
    sink.close(LONG)
    os.close(fd)
    assert lines(tmp_path / "log") == [b"kept"]


def test_a_reader_that_does_not_read_never_makes_the_writer_wait(make_sink: Maker, pipe: Pipe) -> None:
    sink = make_sink(backlog=100)

    def write() -> None:
        for _ in range(5000):
            sink.write(b"x" * 1000)
        sink.close(timeout=0.05)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    writer.join(LONG)
    assert not writer.is_alive(), "nobody reads, so a writer that waited would wait for ever"
    # The queue is full, its thread holds as many, and the pipe and one more write have taken some.
    assert sink.dropped >= 5000 - 100 - 350


def test_the_next_line_says_how_many_are_missing(make_sink: Maker, pipe: Pipe) -> None:
    os.set_blocking(pipe.writer, False)
    sink = make_sink(backlog=10)
    sink.gap_line = lambda missing: b"missing %d" % missing
    sink.dropped = 7
    sink.write(b"after")
    assert os.read(pipe.reader, 100) == b"missing 7\nafter\n"
    sink.write(b"later")
    assert os.read(pipe.reader, 100) == b"later\n"


def test_a_non_blocking_descriptor_is_waited_for(make_sink: Maker, pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.ops.sink, "STUCK", LONG)
    os.set_blocking(pipe.writer, False)
    sink = make_sink()
    line = b"y" * 1000
    for _ in range(300):  # more than a pipe holds
        sink.write(line)
    received = b""
    while received.count(b"\n") < 300:
        received += os.read(pipe.reader, 65536)
    assert received == (line + b"\n") * 300
    assert sink.dropped == 0


def test_after_close_lines_are_counted_as_dropped(make_sink: Maker) -> None:
    sink = make_sink()
    sink.close(LONG)
    sink.write(b"late")
    assert sink.dropped == 1
    sink.write(b"two\nlines")
    assert sink.dropped == 3


def test_sinks_that_share_a_pipe_do_not_mix_their_lines(make_sink: Maker, pipe: Pipe, tmp_path: Path) -> None:
    sinks = [make_sink(lock=tmp_path / "lock") for _ in range(3)]
    writers = [
        threading.Thread(target=lambda sink=sink, mark=mark: [sink.write(mark * 3000) for _ in range(200)])
        for sink, mark in zip(sinks, (b"a", b"b", b"c"), strict=True)
    ]
    for writer in writers:
        writer.start()
    received = b""
    while received.count(b"\n") < 600:
        received += os.read(pipe.reader, 65536)
    for writer in writers:
        writer.join()
    assert {line for line in received.split(b"\n")[:-1]} == {b"a" * 3000, b"b" * 3000, b"c" * 3000}


class Writes:
    """What a sink hands to the system, write by write; after ``good`` of them the disk is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, good: int = 10**9) -> None:
        self.lines: list[int] = []
        self._good = good
        monkeypatch.setattr("gateway.ops.sink.os.write", self._write)

    def _write(self, fd: int, data: memoryview) -> int:
        if len(self.lines) >= self._good:
            raise OSError(errno.ENOSPC, "full")
        self.lines.append(bytes(data).count(b"\n"))
        return len(data)


def test_lines_are_put_together_in_slices_between_which_others_run(
    make_sink: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = Writes(monkeypatch)
    sink = make_sink(delay=3600.0)
    for number in range(3000):
        sink.write(b"%d" % number)
    sink.close(LONG)
    assert sum(writes.lines) == 3000
    assert max(writes.lines) <= SLICE, "4,096 in one go kept the event loop waiting for 3 ms"
    assert len(writes.lines) <= 3000 // SLICE + 3, "and no more system calls than needed"


def test_a_disk_that_fills_up_within_a_flush_costs_what_is_left_of_it_and_each_line_is_counted(
    make_sink: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = Writes(monkeypatch, good=2)
    sink = make_sink(delay=3600.0)
    for number in range(1000):
        sink.write(b"%d" % number)
    sink.close(LONG)
    assert sum(writes.lines) + sink.dropped == 1000
    assert sum(writes.lines) == 2 * SLICE
    assert sink.take_shortage() is Shortage.DISK
