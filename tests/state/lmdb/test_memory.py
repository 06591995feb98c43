"""Records in memory behave as those of the file do: the same transactions, in the same order, with room for so many."""

from __future__ import annotations

import tempfile

import lmdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.lmdb import memory
from gateway.state.lmdb.memory import MemoryRecords, MemoryTransaction, later, merge
from gateway.state.lmdb.names import PACK_EXPIRY

names = st.sampled_from([b"ra", b"rb", b"sa", b"sb", b"ta", b"w"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), names),
        st.tuples(st.just("delete"), names),
        st.tuples(st.just("walk"), names),
        st.tuples(st.just("sweep"), names),
        st.tuples(st.sampled_from(["commit", "abort"]), st.just(b"")),
    ),
    max_size=30,
)


def walked(txn: lmdb.Transaction | MemoryTransaction, start: bytes, remove: bool) -> list[tuple[bytes, bytes]]:
    """The records from ``start`` on, every other of which is removed on the way."""
    cursor, found = txn.cursor(), []
    cursor.set_range(start)
    while name := bytes(cursor.key()):
        found.append((name, bytes(cursor.value())))
        if remove and len(found) % 2:
            cursor.delete()
        else:
            cursor.next()
    cursor.close()
    return found


@given(steps)
def test_a_transaction_is_that_of_a_file(many: list[tuple[str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder, lmdb.open(folder, map_size=1 << 20) as env:
        records = MemoryRecords({})
        real, ours = env.begin(write=True), records.begin()
        for number, (verb, name) in enumerate(many):
            if verb == "put":
                assert real.put(name, b"%d" % number) == ours.put(name, b"%d" % number)
            elif verb == "delete":
                assert real.delete(name) == ours.delete(name)
            elif verb in ("walk", "sweep"):
                assert walked(real, name, verb == "sweep") == walked(ours, name, verb == "sweep")
            else:
                getattr(real, verb)()
                getattr(ours, verb)()
                real, ours = env.begin(write=True), records.begin()
            for one in (b"ra", b"rb", b"sa", b"sb", b"ta", b"w"):
                assert real.get(one) == ours.get(one)
        real.abort()


def test_a_name_that_is_not_here_is_asked_below_until_it_is_removed() -> None:
    records = MemoryRecords({b"a": b"1"}, {b"a": b"0", b"b": b"2"}.get)
    txn = records.begin()
    assert (txn.get(b"a"), txn.get(b"b"), txn.get(b"c")) == (b"1", b"2", None)
    assert txn.delete(b"b")
    assert (txn.get(b"b"), records.own(b"b")) == (None, None)
    txn.abort()
    assert records.begin().get(b"b") == b"2"
    records.detach()
    assert records.begin().get(b"c") is None


def test_it_is_full_at_a_bound_and_knows_what_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST", 2)
    records = MemoryRecords({b"a": b"1"})
    txn = records.begin()
    txn.put(b"b", b"2")
    with pytest.raises(lmdb.MapFullError):
        txn.put(b"c", b"3")
    txn.put(b"a", b"4")
    txn.commit()
    assert (records.changed, records.usage()[0]) == ({b"a", b"b"}, 2)


def test_of_two_records_the_one_that_lasts_longer_is_kept() -> None:
    short, long = PACK_EXPIRY(1.0), PACK_EXPIRY(2.0) + b"more"
    records = MemoryRecords({b"a": short, b"b": long, b"c": short})
    txn = records.begin()
    merge(txn, [(b"a", long), (b"b", short), (b"c", None), (b"d", short), (b"e", None)])
    assert [txn.get(name) for name in (b"a", b"b", b"c", b"d", b"e")] == [long, long, None, short, None]
    assert later(b"not a record", None) == b"not a record"
