"""The file of known locks: what is written is read, and what is damaged is nothing."""

import os
from pathlib import Path

import pytest

from gateway.state.failover.locks_file import read, write
from gateway.state.redis.lockouts import KnownLock, LockSnapshot

NOON = 1_767_268_800.0
LOCK = KnownLock("address:" + "0f" * 16 + ":2001:db8::/64", 2, NOON, NOON + 60, 5, NOON + 86_460)
SNAPSHOT = LockSnapshot("7", {LOCK.name: LOCK}, {"account:" + "1e" * 16: NOON - 5})


def test_a_snapshot_is_read_as_it_was_written_but_for_its_version(tmp_path: Path) -> None:
    write(tmp_path / "locks", SNAPSHOT)
    assert read(tmp_path / "locks") == SNAPSHOT._replace(version="")
    assert [path.name for path in tmp_path.iterdir()] == ["locks"]


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    write(tmp_path / "locks", SNAPSHOT)
    assert (tmp_path / "locks").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("moment", ['"soon"', "null", "NaN", "Infinity", "[]"])
def test_a_lock_until_no_moment_is_damage(tmp_path: Path, moment: str) -> None:
    (tmp_path / "locks").write_text(f'{{"held": [["account:1", 1, 0, {moment}, 5, 0]], "unlocked": {{}}}}')
    assert read(tmp_path / "locks") == LockSnapshot()
    (tmp_path / "locks").write_text(f'{{"held": [], "unlocked": {{"account:1": {moment}}}}}')
    assert read(tmp_path / "locks") == LockSnapshot()


def test_what_is_no_file_is_not_waited_for_and_fills_no_memory(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert read(tmp_path / "fifo") == LockSnapshot()
    assert read(Path("/dev/zero")) == LockSnapshot()


@pytest.mark.parametrize("text", [None, b"", b"{", b"[]", b'{"held": [[1]], "unlocked": {}}', b'{"held": []}', b"\xff"])
def test_a_file_that_is_missing_or_damaged_says_nothing(tmp_path: Path, text: bytes | None) -> None:
    if text is not None:
        (tmp_path / "locks").write_bytes(text)
    assert read(tmp_path / "locks") == LockSnapshot()


def test_a_disk_without_room_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "locks", SNAPSHOT)
    before = (tmp_path / "locks").read_bytes()
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, text: real(file, text[:10]))
    write(tmp_path / "locks", LockSnapshot())
    assert (tmp_path / "locks").read_bytes() == before


def test_a_folder_that_is_gone_costs_nothing_but_the_file(tmp_path: Path) -> None:
    write(tmp_path / "gone" / "locks", SNAPSHOT)
    assert not (tmp_path / "gone").exists()
