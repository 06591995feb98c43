"""The write transactions that a store begins, for tests that count them."""

from typing import Any

from gateway.state.lmdb.store import LmdbStore


def transactions(store: LmdbStore) -> list[Any]:
    """Those that ``store`` begins from now on."""
    begun: list[Any] = []
    begin = store.file.begin

    def counting() -> Any:
        begun.append(begin())
        return begun[-1]

    store.file.begin = counting
    return begun
