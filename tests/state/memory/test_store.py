"""The store in memory as a whole; the suites that every store has to pass run over it too (``tests/state/test_store*.py``)."""

from pathlib import Path

import pytest

from gateway.state.memory.store import MemoryStore
from gateway.state.rules.gcra import Take
from gateway.state.store import Store

NOON = 1_750_000_000.0


def test_it_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store: Store = MemoryStore()
    store.take([Take(b"one", 1, 5, 60.0, 5)], NOON)
    store.revoke("subject", b"ada", NOON + 60, NOON)
    store.close()
    assert list(tmp_path.iterdir()) == []
    assert not store.condition.why
    assert not store.check().events
    assert store.steady(NOON) == NOON


def test_hashes_are_its_own_unless_it_has_a_key() -> None:
    one, other = MemoryStore(key=b"k" * 80), MemoryStore(key=b"k" * 64)  # of which the hash takes 64 bytes
    assert (
        one.lock_name("account", b"a") == other.lock_name("account", b"a") != MemoryStore().lock_name("account", b"a")
    )
    assert one.lock_name("account", b"a") != one.lock_name("pair", b"a")
    assert one.revocation_name("subject", b"a") == other.revocation_name("subject", b"a")
