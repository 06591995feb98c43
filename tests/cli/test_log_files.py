"""Files of a log as lines in their order."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from gateway.cli.log_files import LogError, LogFiles
from gateway.review.replay.recorded import MOST_BYTES


def line(second: int, rest: str = "") -> bytes:
    return f'{{"ts":"2026-11-28T10:00:{second:02d}.000Z","event":"x"{rest}}}\n'.encode()


def read(*paths: Path) -> tuple[list[tuple[str, int, bytes | None]], LogFiles]:
    with LogFiles([str(path) for path in paths]) as files:
        return [(files.names[one.where.file], one.where.line, one.octets) for one in files.lines()], files


def test_the_files_of_a_rotation_in_any_order(tmp_path: Path) -> None:
    newer, older = tmp_path / "gateway.log", tmp_path / "gateway.log.1.gz"
    newer.write_bytes(line(3) + b"Traceback\n" + line(4))
    older.write_bytes(gzip.compress(line(1) + line(2)))
    found, _ = read(newer, older)
    assert [(Path(name).name, number) for name, number, _ in found] == [
        ("gateway.log.1.gz", 1),
        ("gateway.log.1.gz", 2),
        ("gateway.log", 1),
        ("gateway.log", 2),
        ("gateway.log", 3),
    ]


def test_logs_of_two_gateways_are_one(tmp_path: Path) -> None:
    for name, seconds in (("a", (1, 4, 5)), ("b", (2, 3, 6))):
        (tmp_path / name).write_bytes(b"".join(map(line, seconds)))
    found, _ = read(tmp_path / "a", tmp_path / "b")
    assert [octets for _, _, octets in found] == [line(second) for second in range(1, 7)]


def test_a_line_of_megabytes_is_not_read_and_the_next_one_is(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(line(1) + b"x" * (3 * MOST_BYTES) + b"\n" + b"y" * MOST_BYTES + b"\n" + line(2))
    found, _ = read(path)
    assert [octets for _, _, octets in found] == [line(1), None, None, line(2)]


def test_a_compressed_file_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"".join(line(second % 60, str(second)) for second in range(20_000)))[:-2000])
    found, files = read(path)
    assert len(found) > 100
    assert files.damaged == [str(path)]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BufferedReader(io.BytesIO(gzip.compress(line(1))))

    monkeypatch.setattr("sys.stdin", Stdin)
    found, files = read(Path("-"))
    assert (found, files.size, files.done) == ([("standard input", 1, line(1))], None, 0)


def test_how_far_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(line(1) * 1000)
    with LogFiles([str(path)]) as files:
        assert files.size == path.stat().st_size
        for _ in files.lines():
            pass
        assert files.done == files.size


@pytest.mark.parametrize("name", ["nothing", "."])
def test_what_is_no_file_is_said(name: str, tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot be read"), LogFiles([str(tmp_path / name)]):
        pass


def test_standard_input_is_read_once() -> None:
    with pytest.raises(LogError, match="twice"), LogFiles(["-", "-"]):
        pass


def test_a_file_that_is_named_twice_would_count_twice(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    log.write_bytes(line(1))
    with pytest.raises(LogError, match="is named twice"), LogFiles([str(log), str(log)]):
        pass
