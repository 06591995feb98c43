"""Revocations by themselves: how two of one name become one, how many there may be, and when a table is read anew."""

import pytest

from gateway.state.memory.store import MemoryStore
from gateway.state.rules import revocation as module
from gateway.state.rules.revocation import Revocation, RevocationTable, added, merged, named
from tests.state.revocations import DAY, NOON, table

ADA = Revocation(b"ada", NOON, NOON + DAY)


def test_of_two_of_one_name_the_later_moment_and_the_later_end_hold() -> None:
    assert merged(None, ADA) == ADA
    assert merged(ADA, Revocation(b"ada", NOON - 1, NOON + 2 * DAY)) == Revocation(b"ada", NOON, NOON + 2 * DAY)
    assert merged(ADA, Revocation(b"ada", NOON + 1, NOON)) == Revocation(b"ada", NOON + 1, NOON + DAY)


def test_kinds_are_apart() -> None:
    assert named("subject", b"ada") != named("session", b"ada")


def test_only_what_is_new_and_has_not_expired_is_a_change() -> None:
    held = {b"ada": ADA}
    expired = Revocation(b"bob", NOON - DAY, NOON)
    eve = Revocation(b"eve", NOON, NOON + 1)
    changed, room = added(held, [ADA, expired, eve], NOON)
    assert list(changed) == [eve]
    assert room
    assert held == {b"ada": ADA, b"eve": eve}


def test_a_known_name_needs_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    later = Revocation(b"ada", NOON + 1, NOON + DAY)
    changed, room = added({b"ada": ADA}, [Revocation(b"bob", NOON, NOON + DAY), later], NOON)
    assert list(changed) == [later]
    assert not room


def test_a_table_is_read_anew_only_after_a_change() -> None:
    store = MemoryStore()
    view = RevocationTable(store)
    assert table(view) == {}
    before = table(view)
    assert table(view) is before
    store.revoke("subject", b"ada", NOON + DAY, NOON)
    assert set(table(view)) == {view.name("subject", b"ada")}
