"""The bytes of a record of attempts."""

from struct import unpack_from

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.lmdb.lockout_record import clear_of, packed, unpacked, without_pending
from gateway.state.rules.gcra import ticks
from gateway.state.rules.lockout import LOCK_REASONS, Record

NOON = 1_767_268_800.0

moments = st.lists(st.floats(NOON, NOON + 900), max_size=80).map(tuple)


@given(moments, moments)
def test_a_record_that_only_counts_is_read_as_it_was_written(
    failed: tuple[float, ...], pending: tuple[float, ...]
) -> None:
    record = Record(failed, pending)
    assert unpacked(packed(("account", b"ada"), record, NOON), locked=False) == (record, "", "")


@pytest.mark.parametrize("kind", LOCK_REASONS)
def test_a_lock_is_read_as_it_was_written(kind: str) -> None:
    record = Record((NOON,), (NOON + 1, NOON + 2), 3, NOON - 60, NOON + 60, 10, NOON + 86_460)
    clear = "192.0.2.1" if kind == "address" else ""
    assert unpacked(packed((kind, b"accounts\x00192.0.2.1"), record, NOON), locked=True) == (record, kind, clear)


def test_a_record_begins_with_its_expiry() -> None:
    assert unpack_from("<d", packed(("account", b"ada"), Record((NOON,)), NOON + 900)) == (ticks(NOON + 900),)


def test_only_an_address_is_ever_in_clear_and_only_so_much_of_it() -> None:
    assert clear_of(("account", b"lock\0ada@example.org")) == b""
    assert clear_of(("pair", b"lock\x00192.0.2.1")) == b""
    assert clear_of(("address", b"lock\0" + b"x" * 200)) == b"x" * 64


@given(moments, moments)
def test_attempts_on_their_way_are_left_out(failed: tuple[float, ...], pending: tuple[float, ...]) -> None:
    record = Record(failed, pending, 1, NOON - 60, NOON + 60, 10, NOON + 86_460)
    value = packed(("account", b"ada"), record, NOON)
    assert unpacked(without_pending(value), locked=True)[0] == record._replace(pending=())
    assert without_pending(without_pending(value)) == without_pending(value)


@given(st.binary(min_size=16, max_size=200))
def test_what_is_no_record_stays_none(value: bytes) -> None:
    assert len(without_pending(value)) <= len(value)
