"""What the files are read from is bounded in length and in time, whatever is in their place."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from gateway.config import file_bytes
from gateway.config.file_bytes import read_bytes
from gateway.config.load import load
from gateway.config.ops_settings import load_ops


def test_a_file_is_read_to_its_end_or_one_byte_past_the_most(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 200_000)
    assert read_bytes(file, 1_000_000) == b"x" * 200_000
    assert len(read_bytes(file, 100_000)) == 100_001


def test_a_device_without_an_end_has_as_many_bytes(tmp_path: Path) -> None:
    assert len(read_bytes(Path("/dev/zero"), 70_000)) == 70_001


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_bytes(tmp_path, 10)


def test_a_pipe_is_read_while_it_is_written(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("wb") as file:
            for _ in range(3):
                file.write(b"y" * 100_000)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_bytes(pipe, 1_000_000) == b"y" * 300_000
    writer.join()


ENTRY = "version: 1\nops: {port: 0, token: '${file:token}'}\ninclude: [p/*.yaml]\nroutes: []\n"


def test_a_pipe_without_a_writer_keeps_neither_a_start_nor_an_operator_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_bytes, "WITHIN", 0.01)
    (tmp_path / "p").mkdir()
    os.mkfifo(tmp_path / "token")
    entry = tmp_path / "upstreams.yaml"
    entry.write_text(ENTRY.replace("include: [p/*.yaml]\n", ""))
    for found in (load(entry, {}), load_ops(entry, {})):
        assert isinstance(found, list)
        (problem,) = [each for each in found if each.path == "ops.token"]
        assert "needs the file token, which cannot be read (it is a pipe that nobody writes to)" in problem.sentence
    entry.unlink()
    os.mkfifo(entry)
    for found in (load(entry, {}), load_ops(entry, {})):
        assert isinstance(found, list)
        assert [each.sentence for each in found] == ["cannot be read (it is a pipe that nobody writes to)"]


def test_an_entry_file_without_an_end_is_too_long(tmp_path: Path) -> None:
    entry = tmp_path / "upstreams.yaml"
    entry.symlink_to("/dev/zero")
    for found in (load(entry, {}), load_ops(entry, {})):
        assert isinstance(found, list)
        assert [each.sentence for each in found] == ["is larger than 1024 KiB"]
