"""Revocations in the file, and the counter between the workers of a host."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.state.lmdb.store import LmdbStore
from gateway.state.rules.revocation import Revocation, RevocationTable
from gateway.state.store import StateError
from tests.state.lmdb.processes import NOON
from tests.state.revocations import DAY, table

ANOTHER_WORKER = f"""
import sys
from pathlib import Path
from gateway.state.lmdb.store import LmdbStore
store = LmdbStore(Path(sys.argv[1]))
assert store.revoke("subject", b"ada", {NOON + DAY}, {NOON})
store.close()
"""


def test_what_has_run_out_leaves_nothing(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path)
    for minute in range(10):
        now = NOON + 60 * minute
        assert store.merge_revocations([Revocation(os.urandom(16), now, now + 60) for _ in range(5000)], now)
        store.sweep(now, 20_000)
        assert store.stats().records <= 10_000
    store.sweep(NOON + 3600, 20_000)
    assert store.stats().records == 0
    store.close()


@pytest.mark.parametrize("kept", [b"", b"abc"])
def test_every_worker_of_a_host_sees_the_counter_move(tmp_path: Path, kept: bytes) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "revocations").write_bytes(kept)
    one = LmdbStore(tmp_path)
    view = RevocationTable(one)
    assert table(view) == {}
    before = one.generation()
    subprocess.run([sys.executable, "-c", ANOTHER_WORKER, str(tmp_path)], check=True)
    assert one.generation() == before + 1
    assert set(table(view)) == {view.name("subject", b"ada")}
    same = table(view)
    assert one.merge_revocations(list(same.values()), NOON)  # nothing new
    assert table(view) is same
    one.close()


def test_revocations_outlive_the_process(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path)
    store.revoke("subject", b"ada", NOON + DAY, NOON)
    store.close()
    store = LmdbStore(tmp_path)
    assert set(table(RevocationTable(store))) == {store.revocation_name("subject", b"ada")}
    store.close()


def test_a_counter_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "revocations").mkdir()
    with pytest.raises(StateError, match="cannot be used to tell of revocations"):
        LmdbStore(tmp_path)
