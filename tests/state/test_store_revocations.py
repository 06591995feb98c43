"""What every store promises of revocations."""

import os

from gateway.state.rules.revocation import MOST, Revocation
from gateway.state.store import Store
from tests.state.revocations import DAY, NOON


def of(store: Store, now: float, kind: str, key: bytes) -> tuple[float, float] | None:
    name = store.revocation_name(kind, key)
    return next(((one.since, one.until) for one in store.revocations(now) if one.name == name), None)


def test_a_revocation_holds_until_its_end(store: Store) -> None:
    assert store.revoke("subject", b"ada", NOON + DAY, NOON + 0.25)
    assert of(store, NOON + 1, "subject", b"ada") == (NOON + 0.25, NOON + DAY)
    assert of(store, NOON + 1, "session", b"ada") is None
    assert of(store, NOON + 1, "subject", b"bob") is None
    assert of(store, NOON + DAY - 1, "subject", b"ada") is not None
    assert of(store, NOON + DAY, "subject", b"ada") is None


def test_the_later_moment_and_the_later_end_hold(store: Store) -> None:
    store.revoke("subject", b"ada", NOON + DAY, NOON)
    store.revoke("subject", b"ada", NOON + 60, NOON + 30)
    assert of(store, NOON + 31, "subject", b"ada") == (NOON + 30, NOON + DAY)
    name = store.revocation_name("subject", b"ada")
    assert store.merge_revocations([Revocation(name, NOON - 50, NOON + 2 * DAY)], NOON + 31)
    assert of(store, NOON + 31, "subject", b"ada") == (NOON + 30, NOON + 2 * DAY)
    assert len(store.revocations(NOON + 31)) == 1


def test_no_name_is_kept_in_clear(store: Store) -> None:
    store.revoke("session", b"a-session-of-ada", NOON + DAY, NOON)
    (held,) = store.revocations(NOON)
    assert len(held.name) == 16
    assert b"ada" not in held.name


def test_those_over_the_bound_find_no_room_until_others_have_run_out(store: Store) -> None:
    news = [Revocation(os.urandom(16), NOON, NOON + 60) for _ in range(MOST)]
    assert store.merge_revocations(news, NOON)
    assert not store.revoke("subject", b"ada", NOON + DAY, NOON)
    assert of(store, NOON, "subject", b"ada") is None
    assert len(store.revocations(NOON)) == MOST
    assert store.merge_revocations(news[:1], NOON)  # known ones need none
    assert store.revoke("subject", b"ada", NOON + DAY, NOON + 61)
    assert len(store.revocations(NOON + 61)) == 1
