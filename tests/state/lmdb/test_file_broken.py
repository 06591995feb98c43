"""A file that breaks, goes away or is cut off while it is used, and before: no request fails for it, and locks hold."""

from __future__ import annotations

import os
import random
import shutil
import signal
from pathlib import Path

import lmdb
import pytest

from gateway.state.lmdb.names import LOCKED, REVOKED
from gateway.state.lmdb.soundness import saved
from gateway.state.lmdb.store import LmdbStore
from gateway.state.lmdb.write_lock import WriteLock
from gateway.state.rules.gcra import Take
from gateway.state.store import StateError
from tests.state.attempts import account, guess
from tests.state.circuits import TRIP
from tests.state.lmdb.processes import ADA, NOON, child

SIZE = 1 << 24
PAGE = 4096
DAY = 86_400.0


@pytest.fixture
def used(tmp_path: Path) -> LmdbStore:
    store = LmdbStore(tmp_path / "state", size=SIZE)
    for start in range(0, 2000, 50):
        store.take([Take(b"%d" % number, 1, 5, DAY, 5) for number in range(start, start + 50)], NOON)
    assert guess(store, NOON, account(failures=1, lock_for=(DAY,)))
    assert store.revoke("subject", b"mallory", NOON + DAY, NOON)
    return store


def overwrite(file: Path, pages: list[int], seed: int = 1) -> None:
    chance = random.Random(seed)
    handle = os.open(file, os.O_RDWR)
    for page in pages:
        os.pwrite(handle, chance.randbytes(PAGE), page * PAGE)
    os.close(handle)


def all_verbs(store: LmdbStore, now: float, locked: bool = True, revoked: bool = True) -> None:
    """Every verb of the store; none may raise. ``locked`` and ``revoked``: what the file has of them can be read."""
    for number in range(0, 2000, 20):
        one, other = Take(b"%d" % number, 1, 5, DAY, 5), Take(b"other", 1, 5000, DAY, 5000)
        store.take([one], now)
        store.take([one, other], now)
        with store.group_commit:
            store.take([one], now)
            store.take([other], now)
    if locked:
        assert not store.reserve([account(failures=1)], now)[0].ok, "the lock holds"
        assert len(store.locks(now, 10)) == 1
    assert guess(store, now, account(b"grace"), failed=False)
    assert store.admit(b"tutor", TRIP, now).ok
    store.record_outcome(b"tutor", TRIP, 0, False, now)
    store.circuit(b"tutor", now)
    if revoked:
        assert [one.name for one in store.revocations(now)] == [store.revocation_name("subject", b"mallory")]
    store.waive("account", b"grace", now)
    assert store.waived_at("account", b"grace", now) == now
    assert not store.unlock("account", b"grace", now)
    store.sweep(now, 100_000)
    assert store.stats().records > 0


@pytest.mark.parametrize("seed", range(4))
def test_pages_overwritten_while_it_is_used(used: LmdbStore, seed: int) -> None:
    file = used.file._directory / "data.mdb"
    overwrite(file, random.Random(seed).sample(range(3, used.file.last_page + 1), 12), seed)
    all_verbs(used, NOON + 1, locked=False, revoked=False)  # what was overwritten may look as if nothing had been there
    assert used.condition.mending == bool(used.condition.why), "not ready until something takes its place"
    left = {name[:1] for name in saved(file)}
    condition = used.check()
    assert (condition.why, condition.mending) == ("", False)
    all_verbs(used, NOON + 2, LOCKED in left, REVOKED in left)
    names = [name for name, _ in condition.events]
    assert names == ["state_failing", "state_set_aside", "state_well"]
    kept = condition.events[1][1]["locks_kept"], condition.events[1][1]["revocations_kept"]
    assert kept == (LOCKED in left, REVOKED in left)
    assert (file.parent / str(condition.events[1][1]["kept_as"])).exists()
    used.close()


@pytest.mark.parametrize("seed", range(3))
def test_pages_overwritten_while_it_is_not_used(used: LmdbStore, seed: int) -> None:
    last = used.file.last_page
    used.close()
    file = used.file._directory / "data.mdb"
    overwrite(file, random.Random(seed).sample(range(last + 1), last // 2), seed)
    again = LmdbStore(file.parent, size=SIZE)
    ((name, fields),) = again.check().events
    assert (name, fields["file"]) == ("state_set_aside", str(file))
    again.take([ADA], NOON)
    again.close()


def test_a_page_that_no_request_meets_is_found_within_seconds(used: LmdbStore) -> None:
    overwrite(used.file._directory / "data.mdb", [used.file.last_page // 2])
    events = [name for _ in range(10) for name, _ in used.check().events]
    assert events in ([], ["state_failing", "state_set_aside", "state_well"]), "a page of the tree, or a free one"
    overwrite(used.file._directory / "data.mdb", list(range(2, used.file.last_page + 1)))
    assert [name for name, _ in used.check().events] == ["state_failing", "state_set_aside", "state_well"]
    used.close()


def test_the_workers_agree_who_sets_it_aside_and_share_what_comes_after(used: LmdbStore) -> None:
    directory = used.file._directory
    script = (
        "from tests.state.lmdb.processes import ADA, NOON\n"
        "print('open', flush=True); sys.stdin.readline(); condition = store.check(); store.take([ADA], NOON)\n"
        "print(condition.why, [name for name, _ in condition.events], flush=True); sys.stdin.readline(); store.close()"
    )
    others = [child(script, directory) for _ in range(3)]
    for other in others:
        assert other.stdout is not None and other.stdout.readline() == b"open\n"
    overwrite(directory / "data.mdb", list(range(3, used.file.last_page + 1)))
    all_but_raise(used)
    assert used.check().why == ""
    for other in others:
        assert other.stdin is not None
        other.stdin.write(b"\n")
        other.stdin.flush()
    seen = [other.stdout.readline().decode() for other in others if other.stdout]
    assert all(line == " ['state_failing', 'state_well']\n" for line in seen), "they find another file there"
    assert used.take([ADA], NOON)[0].remaining == ADA.burst - 4
    assert len(list(directory.glob("data.mdb.broken-*"))) == 1
    for other in others:
        other.communicate(b"\n", timeout=30)
    used.close()


def all_but_raise(store: LmdbStore) -> None:
    """Enough of requests to meet every page."""
    for number in range(2000):
        store.take([Take(b"%d" % number, 1, 5, DAY, 5)], NOON)


@pytest.mark.parametrize("again", [False, True], ids=["gone", "gone and made again"])
def test_a_folder_that_is_removed_while_it_is_used(used: LmdbStore, again: bool) -> None:
    directory = used.file._directory
    shutil.rmtree(directory)
    if again:
        directory.mkdir()
    all_verbs(used, NOON + 1)
    assert used.check().why == ""
    all_verbs(used, NOON + 2)
    other = child("print(store.stats().records, flush=True); store.close()", directory)
    out, _ = other.communicate(timeout=30)
    assert int(out) == used.stats().records > 2000, "one truth, with all that was there"
    used.close()


@pytest.mark.parametrize("name", ["write.lock", "revocations", "lock.mdb", "claim"])
def test_a_file_beside_it_that_is_removed_makes_no_second_truth(used: LmdbStore, name: str) -> None:
    directory = used.file._directory
    (directory / name).unlink()
    assert used.check().why == ""
    script = "print(store.revoke('subject', b'eve', 1767355200.0, 1767268800.0), flush=True); store.close()"
    before = used.generation()
    out, _ = child(script, directory).communicate(timeout=30)
    assert out == b"True\n"
    assert used.generation() != before
    assert len(used.revocations(NOON)) == 2
    used.close()


def test_a_fifo_in_its_place_holds_nobody_up(used: LmdbStore) -> None:
    file = used.file._directory / "data.mdb"
    file.unlink()
    os.mkfifo(file)
    condition = used.check()
    assert [name for name, _ in condition.events] == ["state_failing", "state_set_aside", "state_well"]
    all_verbs(used, NOON + 1, locked=False, revoked=False)
    used.close()


def test_the_lock_that_others_take_is_taken_again_after_its_file_was_removed(used: LmdbStore) -> None:
    path = used.file._directory / "write.lock"
    path.unlink()
    other = WriteLock(path)
    used.check()
    other.take()
    with pytest.raises(BlockingIOError):
        used.file._take()
    other.close()
    used.close()


def test_a_file_that_takes_the_folder_s_place_is_borne_and_comes_back(used: LmdbStore) -> None:
    directory = used.file._directory
    shutil.rmtree(directory)
    directory.write_text("")
    assert "cannot be used for the state" in used.check().why
    all_verbs(used, NOON + 1)
    assert used.check().why
    directory.unlink()
    assert used.check().why == ""
    all_verbs(used, NOON + 2)
    used.close()


def test_a_file_that_is_cut_off_ends_the_process_and_the_next_one_begins_anew(tmp_path: Path) -> None:
    script = (
        "for n in range(3000): store.take([Take(b'%d' % n, 1, 5, 86400.0, 5)], 1767268800.0)\n"
        "os.truncate(sys.argv[1] + '/data.mdb', 12288)\n"
        "for n in range(3000): store.take([Take(b'%d' % n, 1, 5, 86400.0, 5)], 1767268800.0)"
    )
    cut = child(script, tmp_path)
    cut.communicate(timeout=30)
    assert cut.returncode == -signal.SIGBUS
    store = LmdbStore(tmp_path, size=SIZE)
    ((_, fields),) = store.check().events
    assert fields["error"] == "it is cut off"
    assert store.take([ADA], NOON)[0].ok
    store.close()


@pytest.mark.parametrize(
    "error",
    [lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.PanicError, lmdb.InvalidError, lmdb.BadTxnError,
     lmdb.ReadersFullError, lmdb.MapResizedError, lmdb.DiskError, lmdb.Error],
)  # fmt: skip
def test_every_error_of_lmdb_is_borne_wherever_it_comes(
    used: LmdbStore, error: type[lmdb.Error], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> lmdb.Transaction:
        raise error("it fails")

    monkeypatch.setattr(used.file, "_begin", fails)
    all_verbs(used, NOON + 1)
    assert "it fails" in used.condition.why
    assert used.check().why == ""
    all_verbs(used, NOON + 2)
    used.close()


def test_what_lmdb_calls_damaged_is_set_aside_also_where_it_looks_sound(used: LmdbStore) -> None:
    before = used.file._directory.joinpath("data.mdb").stat().st_ino
    assert used.file.fails(lmdb.CorruptedError("found while it was used"))
    condition = used.check()
    assert [name for name, _ in condition.events] == ["state_failing", "state_set_aside", "state_well"]
    assert used.file._directory.joinpath("data.mdb").stat().st_ino != before
    all_verbs(used, NOON + 1)


def test_an_error_that_is_none_of_the_file_is_the_callers(used: LmdbStore) -> None:
    with pytest.raises(ValueError, match="same key"):
        used.take([ADA._replace(cost=2000), ADA], NOON)
    assert used.condition.why == ""
    used.close()


def test_without_a_file_a_worker_of_a_run_that_serves_goes_on_in_memory(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateError, match="state: cannot be used for the state"):
        LmdbStore(tmp_path / "state", size=SIZE)
    store = LmdbStore(tmp_path / "state", size=SIZE, stand_in=True)
    assert store.take([ADA], NOON)[0].remaining == 999
    assert store.take([ADA], NOON)[0].remaining == 998
    assert guess(store, NOON, account(failures=1))
    assert not guess(store, NOON, account(failures=1))
    assert store.check().why
    (tmp_path / "state").unlink()
    assert store.check().why == ""
    assert store.take([ADA], NOON)[0].remaining == 997
    assert not guess(store, NOON, account(failures=1))
    store.close()


def test_what_ended_processes_is_set_aside_whatever_it_looks_like(used: LmdbStore) -> None:
    used.close()
    store = LmdbStore(used.file._directory, size=SIZE, distrust=True)
    ((name, fields),) = store.check().events
    assert (name, fields["locks_kept"]) == ("state_set_aside", 1)
    assert not guess(store, NOON, account(failures=1))
    store.close()
