"""The file of the embedded store: restarts, sudden deaths, strange files, and a disk without room."""

import fcntl
import os
import signal
import stat
from pathlib import Path

import lmdb
import pytest

from gateway.state.lmdb.store import LmdbStore
from gateway.state.store import StateError
from tests.state.lmdb.processes import ADA, NOON, child


def test_records_survive_a_restart(tmp_path: Path) -> None:
    for left in (999, 998, 997):
        store = LmdbStore(tmp_path)
        assert store.take([ADA], NOON)[0].remaining == left
        assert not store.forgot
        store.close()


def test_records_survive_the_death_of_all_processes(tmp_path: Path) -> None:
    worker = child(f"store.take([{ADA!r}], {NOON}); os.kill(os.getpid(), 9)", tmp_path)
    worker.communicate(timeout=30)
    assert worker.returncode == -signal.SIGKILL
    store = LmdbStore(tmp_path)
    assert store.take([ADA], NOON)[0].remaining == 998
    store.close()


def test_records_of_a_machine_that_crashed_are_given_up(tmp_path: Path) -> None:
    worker = child(f"store.take([{ADA!r}], {NOON}); os.kill(os.getpid(), 9)", tmp_path)
    worker.communicate(timeout=30)
    (tmp_path / "claim").write_text("the boot before this one")
    store = LmdbStore(tmp_path)
    assert store.forgot
    assert store.take([ADA], NOON)[0].remaining == 999
    store.close()


def test_records_of_a_machine_that_was_shut_down_stay(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path)
    store.take([ADA], NOON)
    store.close()
    assert (tmp_path / "claim").read_text() == ""
    again = LmdbStore(tmp_path)
    assert again.take([ADA], NOON)[0].remaining == 998
    again.close()


def test_another_key_finds_other_records(tmp_path: Path) -> None:
    for key, left in ((b"one", 999), (b"other", 999), (b"one", 998), (None, 999), (None, 998)):
        store = LmdbStore(tmp_path, key=key)
        assert store.take([ADA], NOON)[0].remaining == left
        store.close()


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path / "var" / "state")
    assert stat.S_IMODE((tmp_path / "var" / "state").stat().st_mode) == 0o700
    for name in ("data.mdb", "lock.mdb", "claim"):
        assert stat.S_IMODE((tmp_path / "var" / "state" / name).stat().st_mode) == 0o600
    store.close()


def test_its_space_is_taken_at_once(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, size=1 << 22)
    assert (tmp_path / "data.mdb").stat().st_blocks * 512 >= 1 << 22
    store.close()


def test_no_space_is_an_error_on_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(StateError, match=r"data\.mdb: there is no room for its 67108864 bytes: No space left"):
        LmdbStore(tmp_path)
    monkeypatch.undo()
    LmdbStore(tmp_path).close()


def test_a_system_without_reservation_goes_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    LmdbStore(tmp_path).close()


def of_another_version(directory: Path) -> None:
    with lmdb.open(str(directory)) as env, env.begin(write=True) as txn:
        txn.put(b"format", b"tutor-gateway state 7\nwho knows")


def test_a_file_of_another_version_is_set_aside(tmp_path: Path) -> None:
    of_another_version(tmp_path)
    store = LmdbStore(tmp_path)
    assert store.take([ADA], NOON)[0].remaining == 999
    ((name, fields),) = store.check().events
    assert (name, fields["file"]) == ("state_set_aside", str(tmp_path / "data.mdb"))
    assert "another version ('tutor-gateway state 7'" in str(fields["error"])
    store.close()
    with lmdb.open(str(tmp_path / str(fields["kept_as"])), subdir=False, lock=False) as env, env.begin() as txn:
        assert txn.get(b"format", b"").startswith(b"tutor-gateway state 7")


def test_a_file_of_another_version_that_is_in_use_is_refused_by_name(tmp_path: Path) -> None:
    of_another_version(tmp_path)
    other = os.open(tmp_path / "claim", os.O_RDWR | os.O_CREAT)
    fcntl.flock(other, fcntl.LOCK_SH)
    with pytest.raises(StateError, match=r"data\.mdb: was written by another version .* and is in use"):
        LmdbStore(tmp_path)
    os.close(other)


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path)) as env, env.begin(write=True) as txn:
        txn.put(b"theirs", b"precious")
    with pytest.raises(StateError, match="holds something else"):
        LmdbStore(tmp_path)
    with lmdb.open(str(tmp_path)) as env, env.begin() as txn:
        assert txn.get(b"theirs") == b"precious"


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"Dear diary, " * 1000)
    store = LmdbStore(tmp_path)
    ((_, fields),) = store.check().events
    assert fields["error"] == "its head is not that of a state file"
    assert (tmp_path / str(fields["kept_as"])).read_bytes() == b"Dear diary, " * 1000
    store.close()


def test_a_path_that_cannot_be_a_directory_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="file/state: cannot be used for the state: Not a directory"):
        LmdbStore(tmp_path / "file" / "state")


def test_a_file_that_cannot_be_opened_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").mkdir()
    with pytest.raises(StateError, match=r"data\.mdb: cannot be opened as the state"):
        LmdbStore(tmp_path)


def test_another_version_of_lmdb_is_set_aside(tmp_path: Path) -> None:
    LmdbStore(tmp_path).close()
    with (tmp_path / "data.mdb").open("r+b") as file:
        file.seek(20)  # mm_version
        file.write((2).to_bytes(4, "little"))
    store = LmdbStore(tmp_path)
    ((_, fields),) = store.check().events
    assert "another version of LMDB" in str(fields["error"])
    store.close()
