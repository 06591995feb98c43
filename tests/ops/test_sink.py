"""Lines reach the descriptor whole, or are counted; nobody waits for them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.ops.sink import MANY, Sink


class Pipe:
    """A pipe whose reader can hang up."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self._open = True

    def hang_up(self) -> None:
        if self._open:
            os.close(self.reader)
            self._open = False


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.hang_up()
    os.close(made.writer)


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Waits on an event nobody sets: the threads under test tell nobody when they are done."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        pause.wait(0.005)


def test_lines_are_written_in_order_on_close(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        sink = Sink(file.fileno())
        for number in range(1000):
            sink.write(b"%d" % number)
        sink.close()
    assert lines(tmp_path / "log") == [b"%d" % number for number in range(1000)]
    assert sink.dropped == 0


def test_a_line_is_written_by_itself_after_the_delay(pipe: Pipe) -> None:
    sink = Sink(pipe.writer, delay=0.01)
    sink.write(b"alone")
    assert os.read(pipe.reader, 100) == b"alone\n"
    sink.write(b"again")
    assert os.read(pipe.reader, 100) == b"again\n"
    sink.close()


def test_much_is_written_before_the_delay(pipe: Pipe) -> None:
    sink = Sink(pipe.writer, delay=60.0)
    for _ in range(MANY + 1):
        sink.write(b"xxxxxxxxx")
    assert os.read(pipe.reader, 10) == b"xxxxxxxxx\n"  # or it would block for a minute
    pipe.hang_up()
    sink.close()


def test_flush_does_not_wait_for_the_delay(pipe: Pipe) -> None:
    sink = Sink(pipe.writer, delay=60.0)
    sink.write(b"now")
    sink.flush()
    assert os.read(pipe.reader, 10) == b"now\n"
    sink.close()


def test_a_reader_that_is_gone_costs_lines_and_nothing_else(pipe: Pipe) -> None:
    sink = Sink(pipe.writer, delay=0.001)
    pipe.hang_up()
    sink.write(b"one")
    wait_for(lambda: sink.dropped == 1)
    sink.write(b"two")
    sink.close()
    assert sink.dropped == 2


def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        sink = Sink(full.fileno(), delay=0.001)
        sink.write(b"one")
        sink.close()
    assert sink.dropped == 1


def test_a_reader_that_does_not_read_never_makes_the_writer_wait(pipe: Pipe) -> None:
    sink = Sink(pipe.writer, delay=0.001, backlog=100)
    started = time.monotonic()
    for _ in range(5000):
        sink.write(b"x" * 1000)
    sink.close(timeout=0.05)
    assert time.monotonic() - started < 2.0
    assert sink.dropped >= 5000 - 100 - 350
    pipe.hang_up()  # lets the thread end


def test_the_next_line_tells_how_many_are_missing(pipe: Pipe) -> None:
    os.set_blocking(pipe.writer, False)
    sink = Sink(pipe.writer, delay=0.001, backlog=10)
    sink.gap_line = lambda missing: b"missing %d" % missing
    sink.dropped = 7
    sink.write(b"after")
    assert os.read(pipe.reader, 100) == b"missing 7\nafter\n"
    sink.write(b"later")
    assert os.read(pipe.reader, 100) == b"later\n"
    sink.close()


def test_a_non_blocking_descriptor_is_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.writer, False)
    sink = Sink(pipe.writer, delay=0.001)
    line = b"y" * 1000
    for _ in range(300):  # more than a pipe holds
        sink.write(line)
    got = b""
    while got.count(b"\n") < 300:
        got += os.read(pipe.reader, 65536)
    sink.close()
    assert got == (line + b"\n") * 300
    assert sink.dropped == 0


def test_after_close_lines_are_counted_as_dropped(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        sink = Sink(file.fileno())
        sink.close()
        sink.write(b"late")
        assert sink.dropped == 1
        sink.write(b"two\nlines")
    assert sink.dropped == 3


def test_sinks_that_share_a_pipe_take_turns(pipe: Pipe, tmp_path: Path) -> None:
    sinks = [Sink(pipe.writer, tmp_path / "lock", delay=0.001) for _ in range(3)]
    writers = [
        threading.Thread(target=lambda sink=sink, mark=mark: [sink.write(mark * 3000) for _ in range(200)])
        for sink, mark in zip(sinks, (b"a", b"b", b"c"), strict=True)
    ]
    for writer in writers:
        writer.start()
    got = b""
    while got.count(b"\n") < 600:
        got += os.read(pipe.reader, 65536)
    for writer in writers:
        writer.join()
    for sink in sinks:
        sink.close()
    assert {line for line in got.split(b"\n")[:-1]} == {b"a" * 3000, b"b" * 3000, b"c" * 3000}
