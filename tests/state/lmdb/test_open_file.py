"""Opening the file: which file it is, what can be read of it without its lock, and who sets a broken one aside."""

from __future__ import annotations

import os
from pathlib import Path

import lmdb
import pytest

from gateway.state.lmdb import open_file
from gateway.state.lmdb.names import LIMIT, LOCKED
from gateway.state.lmdb.open_file import OpenFile, StateBusy, identity
from gateway.state.lmdb.store import LmdbStore
from gateway.state.lmdb.write_lock import WriteLock
from gateway.state.rules.gcra import Take
from gateway.state.store import StateError
from tests.state.attempts import account, guess
from tests.state.lmdb.processes import NOON, child

SIZE = 1 << 22


def opened(directory: Path, distrust: bool = False) -> OpenFile:
    """The file in ``directory``, whose lock is given back."""
    distrusted = identity(directory / "data.mdb") if distrust else None
    made = OpenFile(directory, SIZE, b"k" * 32, distrusted)
    made.lock.release()
    return made


def test_a_new_file_gets_the_key_that_is_handed_in_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    first = opened(tmp_path)
    assert first.own_key == b"k" * 32
    first.close()
    again = OpenFile(tmp_path, SIZE, b"another", None)
    assert again.own_key == b"k" * 32
    again.close()


def test_it_is_current_until_it_is_removed_or_replaced(tmp_path: Path) -> None:
    file = opened(tmp_path)
    assert file.is_current()
    os.rename(tmp_path / "data.mdb", tmp_path / "away")
    assert not file.is_current()
    (tmp_path / "data.mdb").touch()
    assert not file.is_current()
    file.abandon()


def test_records_are_read_without_the_lock_and_the_few_that_matter_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LmdbStore(tmp_path, size=SIZE)
    for number in range(20):
        store.take([Take(b"%d" % number, 1, 5, 60.0, 5)], NOON)
    guess(store, NOON, account(failures=1))
    store.close()
    file = opened(tmp_path)
    file.lock.take()
    assert [name[:1] for name in file.few()] == [LOCKED]
    monkeypatch.setattr(open_file, "MOST_CARRIED", 5)
    found = list(file.records())
    assert [name[:1] for name in found] == [LOCKED, LIMIT, LIMIT, LIMIT, LIMIT]
    assert file.read(found[0]) is not None
    assert file.read(b"none") is None
    file.close()


def test_a_distrusted_file_is_set_aside_once(tmp_path: Path) -> None:
    opened(tmp_path).close()
    bad = identity(tmp_path / "data.mdb")
    for aside in (True, False):
        file = OpenFile(tmp_path, SIZE, b"", bad)
        assert (file.set_aside is not None) is aside, "the second process finds another file there"
        assert file.own_key == b"k" * 32, "names mean the same in both"
        file.close()


def test_a_lock_that_is_not_to_be_had_is_an_error_of_its_own(tmp_path: Path) -> None:
    other = WriteLock(tmp_path / "write.lock")
    other.take()
    with pytest.raises(StateBusy, match=r"data\.mdb: another process"):
        opened(tmp_path)
    other.close()
    opened(tmp_path).close()


def test_a_broken_file_that_cannot_be_renamed_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "data.mdb").write_bytes(b"broken" * 1000)
    monkeypatch.setattr(os, "rename", refused)
    with pytest.raises(StateError, match=r"data\.mdb: is broken .* and cannot be set aside: .*Permission denied"):
        opened(tmp_path)


def test_readers_of_processes_that_died_are_forgotten(tmp_path: Path) -> None:
    file = opened(tmp_path)
    script = "store.file._opened.env.begin(); os.kill(os.getpid(), 9)"
    child(script, tmp_path).communicate(timeout=30)
    file.close()
    again = opened(tmp_path)
    assert again.env.reader_check() == 0, "done when it was opened"
    again.close()
    with pytest.raises(AssertionError):
        assert isinstance(again.env, lmdb.Environment)
