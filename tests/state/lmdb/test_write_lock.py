"""The lock for writing: one at a time, given back by the kernel, and given up when its holder stands still."""

from __future__ import annotations

import itertools
import os
import signal
import time
from pathlib import Path

import lmdb
import pytest

from gateway.state.lmdb import write_lock
from gateway.state.lmdb.store import LmdbStore
from gateway.state.lmdb.write_lock import LONGEST, STILL, TRIES, MutexView, WriteLock, is_runnable
from gateway.state.rules.lockout import Attempt
from tests.processor_time import takes_at_most
from tests.state.lmdb.processes import ADA, NOON, child

GUESS = [Attempt(b"ada", "account", 1, 900.0, (900.0,))]
HOLD = "store.file.begin(); print('held', flush=True); sys.stdin.read()"
HOLD_LMDB_ALONE = (
    "store.close(); import lmdb; env = lmdb.open(sys.argv[1], map_size=1 << 24, writemap=True);"
    "txn = env.begin(write=True); print('held', flush=True); sys.stdin.read()"
)


def test_one_has_it_and_the_other_waits_for_a_while(tmp_path: Path) -> None:
    one, other = WriteLock(tmp_path / "lock"), WriteLock(tmp_path / "lock")
    one.take()
    with pytest.raises(BlockingIOError):
        other.take()
    began = time.monotonic()
    assert not other.wait(lambda: 0)
    assert time.monotonic() - began >= STILL
    one.release()
    assert other.wait(lambda: 0)
    other.close()
    assert one.take_if(lambda: True), "given back when it was closed"
    assert not one.take_if(lambda: False)
    assert one.is_current()
    (tmp_path / "lock").unlink()
    assert not one.is_current()
    WriteLock(tmp_path / "lock").close()
    assert not one.is_current()
    one.close()


def test_a_lock_whose_holders_commit_is_waited_for_longer_but_not_for_ever(tmp_path: Path) -> None:
    one, other = WriteLock(tmp_path / "lock"), WriteLock(tmp_path / "lock")
    one.take()
    began, commits = time.monotonic(), itertools.count()
    assert not other.wait(lambda: next(commits))
    assert time.monotonic() - began >= LONGEST
    one.close()
    other.close()


def test_a_lock_that_is_given_back_while_its_holder_is_looked_for_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = WriteLock(tmp_path / "lock"), WriteLock(tmp_path / "lock")
    one.take()

    def holder(_: WriteLock) -> int:
        one.release()
        return 0

    monkeypatch.setattr(WriteLock, "holder", holder)
    assert other.wait(lambda: 0)
    one.close()
    other.close()


@pytest.mark.parametrize("begin", ["store.file.begin()", "lmdb_alone()"])
def test_a_holder_that_waits_for_a_processor_is_waited_for(tmp_path: Path, begin: str) -> None:
    """It is busy here for longer than ``STILL``, as one is that gets no processor on a crowded machine. Giving up would
    mean that each worker counts by itself, so that more pass than a limit says."""
    store = LmdbStore(tmp_path, size=1 << 24)
    store.take([ADA], NOON)
    script = f"""
import lmdb, time

def lmdb_alone():
    store.close()
    return lmdb.open(sys.argv[1], map_size=1 << 24, writemap=True).begin(write=True)

txn = {begin}
print("held", flush=True)
until = time.monotonic() + {4 * STILL}
while time.monotonic() < until: pass
txn.abort() if txn.__class__ is lmdb.Transaction and store.file._opened is None else store.file.abort(txn)
"""
    holder = child(script, tmp_path)
    assert holder.stdout is not None
    holder.stdout.readline()
    assert store.take([ADA], NOON)[0].remaining == 998
    assert store.condition.why == "", "of the file"
    holder.communicate(timeout=30)
    store.close()


def test_who_has_it_and_whether_that_is_stopped(tmp_path: Path) -> None:
    lock = WriteLock(tmp_path / "lock")
    assert lock.holder() == 0
    lock.take()
    assert lock.holder() == os.getpid()
    assert is_runnable(os.getpid())
    stopped = child("os.kill(os.getpid(), signal.SIGSTOP)".replace("os.kill", "import signal; os.kill"), tmp_path)
    os.waitpid(stopped.pid, os.WUNTRACED)
    assert not is_runnable(stopped.pid)
    stopped.kill()
    stopped.communicate()
    assert not is_runnable(os.getpid(), tmp_path), "a system that does not say"
    lock.close()


def test_a_process_that_had_no_processor_itself_does_not_give_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a machine was suspended much time has passed, and nobody had any of it."""
    one, other = WriteLock(tmp_path / "lock"), WriteLock(tmp_path / "lock")
    one.take()
    seconds, tries = itertools.count(step=1000 * LONGEST), itertools.count(1)
    monkeypatch.setattr("gateway.state.lmdb.write_lock.time.monotonic", lambda: next(seconds))
    monkeypatch.setattr(write_lock, "is_runnable", lambda process: False)

    def progress() -> int:
        if next(tries) == TRIES // 2:
            one.release()
        return 0

    assert other.wait(progress)
    one.close()
    other.close()


def test_lmdb_s_own_lock_is_seen(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path)) as env:
        with env.begin(write=True):
            view = MutexView(tmp_path / "lock.mdb")
            assert not view.free()
        assert view.free()
        with env.begin(write=True):
            assert not view.free()
    view.close()


def test_where_it_is_not_found_nothing_is_seen(tmp_path: Path) -> None:
    (tmp_path / "lock.mdb").write_bytes(bytes(8192))
    view = MutexView(tmp_path / "lock.mdb")
    assert view.free()
    view.close()


@pytest.mark.parametrize("script", [HOLD, HOLD_LMDB_ALONE], ids=["ours", "lmdb's alone"])
def test_a_process_that_is_stopped_with_it_holds_nobody_up(tmp_path: Path, script: str) -> None:
    store = LmdbStore(tmp_path, size=1 << 24)
    assert store.take([ADA], NOON)[0].remaining == 999
    store.reserve(GUESS, NOON)
    store.settle(GUESS, True, NOON)
    holder = child(script, tmp_path)
    assert holder.stdout is not None
    holder.stdout.readline()
    holder.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    assert store.take([ADA], NOON)[0].remaining == 998, "in memory, from what the file says"
    assert time.monotonic() - began < 1.0
    assert "stands still" in store.condition.why
    assert not store.condition.mending, "requests are decided"
    began = time.process_time()
    for left in range(997, 897, -1):
        assert store.take([ADA], NOON)[0].remaining == left
    assert time.process_time() - began < 0.1, "nothing is waited for again"
    assert not store.reserve(GUESS, NOON)[0].ok, "locks hold"
    assert store.check().why, "still"
    holder.kill()  # ends a stopped process too, and the kernel gives its locks back
    holder.communicate()
    assert [name for name, _ in store.check().events] == ["state_well"]
    assert store.condition.why == ""
    assert store.take([ADA], NOON)[0].remaining == 897, "of the file, with what was charged meanwhile"
    store.close()


def test_a_holder_that_goes_on_finds_the_file_as_it_left_it(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, size=1 << 24)
    holder = child(
        f"{HOLD}; store.file.abort(None) if 0 else None; print(store.file.condition.why, flush=True)", tmp_path
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    holder.send_signal(signal.SIGSTOP)
    store.take([ADA], NOON)
    holder.send_signal(signal.SIGCONT)
    out, _ = holder.communicate(timeout=30)
    assert out.strip() == b""
    assert store.check().why == ""
    assert store.take([ADA], NOON)[0].remaining == 998
    store.close()


def test_a_store_that_is_opened_meanwhile_begins_in_memory(tmp_path: Path) -> None:
    LmdbStore(tmp_path, size=1 << 24).close()
    holder = child(HOLD, tmp_path)
    assert holder.stdout is not None
    holder.stdout.readline()
    holder.send_signal(signal.SIGSTOP)
    store = LmdbStore(tmp_path, size=1 << 24)
    assert store.take([ADA], NOON)[0].ok
    assert "stands still" in store.check().why
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    assert store.check().why == ""
    store.close()


def test_what_it_costs(tmp_path: Path) -> None:
    """Two calls of the kernel for each transaction, which the takes of an iteration of the loop share."""
    lock = WriteLock(tmp_path / "lock")

    def work() -> None:
        for _ in range(2000):
            lock.take()
            lock.release()

    assert takes_at_most(2000 * 10e-6, work, 5)
    lock.close()
