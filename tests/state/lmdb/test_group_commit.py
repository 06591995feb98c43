"""Takes that share a transaction are answered as those that do not, and none of them is lost."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lmdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.lmdb.group_commit import MOST
from gateway.state.lmdb.store import LmdbStore
from gateway.state.rules.gcra import Take
from tests.state.lmdb.processes import ADA, NOON, child
from tests.state.lmdb.transactions import transactions

SIZE = 1 << 22

takes = st.builds(
    Take,
    key=st.sampled_from([b"a", b"b", b"c"]),
    cost=st.integers(1, 4),
    limit=st.just(5),
    period=st.just(60.0),
    burst=st.integers(1, 5),
)
iterations = st.lists(
    st.tuples(st.lists(st.lists(takes, min_size=1, max_size=2), max_size=6), st.floats(0, 30)), max_size=6
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LmdbStore]:
    made = LmdbStore(tmp_path / "state", b"a key", SIZE)
    yield made
    made.close()


@given(iterations)
def test_together_or_one_by_one_is_the_same(many: list[tuple[list[list[Take]], float]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one, other = (LmdbStore(Path(folder) / name, b"a key", SIZE) for name in ("one", "other"))
        now = NOON
        for asked, pause in many:
            asked = [calls for calls in asked if len({take.key for take in calls}) == len(calls)]
            now += pause
            with one.group_commit:
                together = [list(one.take(calls, now)) for calls in asked]
            assert together == [list(other.take(calls, now)) for calls in asked]
        one.close()
        other.close()


def test_as_many_as_may_share_one_do(store: LmdbStore) -> None:
    begun = transactions(store)
    with store.group_commit:
        for _ in range(2 * MOST + 1):
            assert store.take([ADA], NOON)[0].ok
    assert len(begun) == 3
    assert store.take([ADA], NOON)[0].remaining == ADA.burst - 2 * MOST - 2


def test_takes_that_are_refused_hold_the_others_up_no_longer(store: LmdbStore) -> None:
    once = ADA._replace(limit=1, burst=1)
    store.take([once], NOON)
    begun = transactions(store)
    with store.group_commit:
        assert not any(store.take([once], NOON)[0].ok for _ in range(2 * MOST + 1))
    assert len(begun) == 3


def test_a_context_without_takes_begins_nothing(store: LmdbStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.file, "begin", None)
    with store.group_commit:
        pass


def test_what_was_answered_before_the_file_was_full_is_charged(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, b"a key", 1 << 18)
    store.take([ADA], NOON)
    strangers = (ADA._replace(key=b"%d" % number) for number in itertools.count())
    taken, full = 1, False
    while not full:
        with store.group_commit:
            taken += store.take([ADA], NOON)[0].ok
            full = any([store.take([next(strangers)], NOON)[0].full for _ in range(8)])
            taken += store.take([ADA], NOON)[0].ok
    assert ADA.burst - store.take([ADA], NOON)[0].remaining == taken + 1
    store.close()


class Failing:
    """A transaction that fails when it is committed."""

    def __init__(self, txn: lmdb.Transaction, error: lmdb.Error) -> None:
        self.get, self.put, self.abort = txn.get, txn.put, txn.abort
        self._error = error

    def commit(self) -> None:
        raise self._error


def test_a_transaction_that_cannot_be_committed_is_not_lost_either(store: LmdbStore) -> None:
    begin: Any = store.file.begin
    store.take([ADA], NOON)
    store.file.begin = lambda: Failing(begin(), lmdb.MapFullError("no room"))  # type: ignore[assignment,return-value]  # a double
    with store.group_commit:
        assert store.take([ADA], NOON)[0].ok
        assert store.take([ADA], NOON)[0].ok
        store.file.begin = begin
    assert store.take([ADA], NOON)[0].remaining == ADA.burst - 4


def test_an_error_of_the_file_is_no_request_s(store: LmdbStore) -> None:
    begin: Any = store.file.begin

    def broken() -> Any:
        return Failing(begin(), lmdb.DiskError("broken"))

    store.take([ADA], NOON)
    store.file.begin = broken  # type: ignore[method-assign]  # a double
    with store.group_commit:
        assert store.take([ADA], NOON)[0].ok
        store.file.begin = begin  # type: ignore[method-assign]  # as it was
    assert "broken" in store.file.condition.why
    assert store.take([ADA], NOON)[0].remaining == ADA.burst - 2, "charged in memory, which knows of no other"
    assert store.check().why == ""
    assert store.take([ADA], NOON)[0].remaining == ADA.burst - 3, "of the file, with what was charged in memory"


def test_processes_that_take_together_share_one_limit_to_the_unit(tmp_path: Path) -> None:
    script = (
        "passed = 0\n"
        "for step in range(250):\n"
        "    with store.group_commit:\n"
        f"        passed += sum(store.take([{ADA!r}], {NOON} + step * 1e-6)[0].ok for _ in range(10))\n"
        "print(passed, flush=True); store.close()"
    )
    workers = [child(script, tmp_path) for _ in range(3)]
    assert sum(int(worker.communicate(timeout=60)[0]) for worker in workers) == 1000


def test_new_keys_that_a_full_file_gave_up_are_charged_once_there_is_room(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, b"a key", 1 << 18)
    short = ADA._replace(limit=1000, period=1.0, burst=1000)  # runs out within the second
    strangers = (short._replace(key=b"%d" % number) for number in itertools.count())
    while not store.capacity.tight and not store.stats().refused_full:
        with store.group_commit:
            for _ in range(MOST - 1):
                store.take([next(strangers)], NOON)
    later = NOON + 10.0  # all of them have run out
    store.capacity.tight = False
    begin: Any = store.file.begin
    store.file.begin = lambda: Failing(begin(), lmdb.MapFullError("no room"))  # type: ignore[assignment,return-value]  # a double
    fresh = [next(strangers) for _ in range(8)]
    with store.group_commit:
        for take in fresh:
            assert store.take([take], later)[0].ok
        store.file.begin = begin
    assert [store.take([take], later)[0].remaining for take in fresh] == [short.burst - 2] * 8
    store.close()
