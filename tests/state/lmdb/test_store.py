"""What only the embedded store promises: many processes, sudden deaths, restarts, strange files and a full one."""

import os
import signal
import stat
import subprocess
from pathlib import Path

import lmdb
import pytest

from gateway.state.lmdb import store as embedded
from gateway.state.lmdb.store import LmdbStore
from gateway.state.rules.gcra import Take
from gateway.state.store import StateError
from tests.state.lmdb.processes import ADA, NOON, child


def test_four_processes_share_one_limit_to_the_unit(tmp_path: Path) -> None:
    script = (
        f"print(sum(store.take([{ADA!r}], {NOON} + step * 1e-6)[0].ok for step in range(2500)), flush=True)\n"
        "store.close()"
    )
    workers = [child(script, tmp_path) for _ in range(4)]
    passed = [int(worker.communicate(timeout=60)[0]) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0, 0]
    assert sum(passed) == 1000


def test_a_worker_killed_in_the_middle_loses_no_charge_and_blocks_nobody(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, size=1 << 24)
    script = (
        f"while True:\n    for number in range(50): store.take([Take(b'%d' % number, 1, 1, 3600.0, 10**6)], {NOON})\n"
        f"    store.take([{ADA!r}], {NOON})\n    os.write(1, b'.')"
    )
    told = 0
    for round_ in range(6):
        worker = child(script, tmp_path)
        assert worker.stdout is not None
        told += len(os.read(worker.stdout.fileno(), 1))
        while told < 20 * (round_ + 1):
            got = os.read(worker.stdout.fileno(), 100)
            assert got, "the worker ended by itself"
            told += len(got)
        worker.send_signal(signal.SIGKILL)
        told += len(worker.communicate(timeout=30)[0])
        (taken,) = store.take([ADA._replace(cost=0)], NOON)
        # The last take of a killed worker may have been charged before it could tell.
        assert told <= 1000 - taken.remaining <= told + round_ + 1
    store.close()


def test_two_gateways_on_one_path_count_together_and_neither_ends_the_other(tmp_path: Path) -> None:
    script = (
        f"take = lambda: store.take([{ADA!r}], {NOON})[0].remaining\n"
        "while word := sys.stdin.readline().strip():\n"
        "    print(store.close() if word == 'close' else take(), flush=True)"
    )
    one, other = child(script, tmp_path), child(script, tmp_path)

    def say(process: subprocess.Popen[bytes], word: str) -> str:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(word.encode() + b"\n")
        process.stdin.flush()
        return process.stdout.readline().decode().strip()

    assert [say(one, "take"), say(other, "take"), say(one, "take")] == ["999", "998", "997"]
    assert say(other, "close") == "None"
    assert say(one, "take") == "996"
    third = child(script, tmp_path)
    assert say(third, "take") == "995"
    one.kill()
    one.communicate()
    assert say(third, "take") == "994"
    for process in (other, third):
        process.communicate(timeout=30)
    store = LmdbStore(tmp_path, size=1 << 24)
    assert store.take([ADA], NOON)[0].remaining == 993
    assert not store.forgot
    store.close()


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


def test_200_000_strangers_leave_nothing_behind(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, size=1 << 25)
    peaks = []
    for start in (NOON, NOON + 100):
        for _ in range(1000):
            store.take([Take(os.urandom(12), 1, 5, 60.0, 5) for _ in range(100)], start)
        peaks.append(store.stats().used)
        assert store.stats().records == 100_000
        while store.sweep(start + 50, 5000):
            pass
        assert store.stats().records == 0
        assert store.stats().used <= 8192
    assert peaks[1] < peaks[0] * 1.1
    info = store._env.info()
    assert info["last_pgno"] * 4096 < peaks[0] * 1.5  # the second wave found its place in what the first one left
    store.close()


def test_a_store_that_grows_sweeps_itself(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, size=1 << 22)
    for number in range(20_000):
        store.take([Take(b"%d" % number, 1, 5, 60.0, 5)], NOON + number / 100)
    assert store.stats().records < 4000  # of 100 a second, each alive for twelve
    store.close()


def fill(store: LmdbStore, first: int = 0) -> int:
    """New keys until one is refused; how many passed."""
    for number in range(first, 100_000):
        (taken,) = store.take([Take(b"%d" % number, 1, 5, 60.0, 5)], NOON)
        if not taken.ok:
            assert taken.full
            assert taken.retry_after == 1.0
            return number
    raise AssertionError("it never fills")


@pytest.mark.parametrize("room", [0.85, 100.0], ids=["by rule", "to the last page"])
def test_a_full_store_keeps_what_it_knows_and_refuses_strangers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: float
) -> None:
    monkeypatch.setattr(embedded, "_ROOM", room)
    monkeypatch.setattr(embedded, "_SPARE", embedded._SPARE if room < 1 else -(1 << 30))
    store = LmdbStore(tmp_path, b"the same pages are full each time", 1 << 18)
    known = fill(store)
    assert known > 1000
    assert store.stats().refused_full == 1
    if room < 1:
        assert store.take([Take(b"0", 1, 5, 60.0, 5)], NOON)[0].remaining == 3
        both = store.take([Take(b"0", 1, 5, 60.0, 5), Take(b"a stranger", 1, 5, 60.0, 5)], NOON)
        assert [taken.full for taken in both] == [True, True]
        assert store.stats().refused_full == 2
    for second in range(30, 90, 10):
        store.take([Take(b"later", 1, 5, 60.0, 5)], NOON + second)
        store.sweep(NOON + second, 10_000)
    assert store.take([Take(b"another stranger", 1, 5, 60.0, 5)], NOON + 90)[0].ok
    store.close()


def test_no_client_bytes_are_kept_in_clear(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, key=b"k" * 100, size=1 << 20)
    store.take([ADA], NOON)
    store.close()
    data = (tmp_path / "data.mdb").read_bytes()
    assert b"ada" not in data
    assert b"kkkk" not in data


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


def test_a_file_of_another_version_is_refused_by_name(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path)) as env, env.begin(write=True) as txn:
        txn.put(b"format", b"tutor-gateway state 7\nwho knows")
    with pytest.raises(StateError, match=r"data\.mdb: was written by another version \('tutor-gateway state 7'"):
        LmdbStore(tmp_path)


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path)) as env, env.begin(write=True) as txn:
        txn.put(b"theirs", b"precious")
    with pytest.raises(StateError, match="holds something else"):
        LmdbStore(tmp_path)
    with lmdb.open(str(tmp_path)) as env, env.begin() as txn:
        assert txn.get(b"theirs") == b"precious"


def test_a_file_that_is_no_database_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(StateError, match=r"data\.mdb: is not a state file"):
        LmdbStore(tmp_path)


def test_a_path_that_cannot_be_a_directory_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="file/state: cannot be used for the state: Not a directory"):
        LmdbStore(tmp_path / "file" / "state")


def test_a_file_that_cannot_be_opened_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").mkdir()
    with pytest.raises(StateError, match=r"data\.mdb: cannot be opened as the state"):
        LmdbStore(tmp_path)


def test_another_version_of_lmdb_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(*_: object, **__: object) -> None:
        raise lmdb.VersionMismatchError("MDB_VERSION_MISMATCH")

    monkeypatch.setattr(lmdb, "open", other)
    with pytest.raises(StateError, match="another version of LMDB"):
        LmdbStore(tmp_path)


def test_a_failing_file_is_no_answer(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path)
    with pytest.raises(TypeError):
        store.take([ADA._replace(cost="one")], NOON)  # type: ignore[arg-type]  # the point of the test
    assert store.take([ADA], NOON)[0].remaining == 999
    store.close()
