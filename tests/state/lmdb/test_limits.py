"""Limits that several processes share, to the unit."""

import os
import signal
from pathlib import Path

import pytest

from gateway.state.lmdb.store import LmdbStore
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
    reported = 0
    for round_ in range(6):
        worker = child(script, tmp_path)
        assert worker.stdout is not None
        reported += len(os.read(worker.stdout.fileno(), 1))
        while reported < 20 * (round_ + 1):
            got = os.read(worker.stdout.fileno(), 100)
            assert got, "the worker ended by itself"
            reported += len(got)
        worker.send_signal(signal.SIGKILL)
        reported += len(worker.communicate(timeout=30)[0])
        (taken,) = store.take([ADA._replace(cost=0)], NOON)
        # The last take of a killed worker may have been charged before it could report.
        assert reported <= 1000 - taken.remaining <= reported + round_ + 1
    store.close()


def test_a_failing_file_is_no_answer(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path)
    with pytest.raises(TypeError):
        store.take([ADA._replace(cost="one")], NOON)  # type: ignore[arg-type]  # the point of the test
    assert store.take([ADA], NOON)[0].remaining == 999
    store.close()
