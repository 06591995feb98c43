"""The write transactions that a store begins, for tests that count them."""

from typing import Any

from gateway.state.lmdb.store import LmdbStore


def transactions(store: LmdbStore) -> list[Any]:
    """Those that ``store`` begins from now on."""
    begun: list[Any] = []
    begin: Any = store._begin

    def counting(*arguments: Any) -> Any:
        begun.append(begin(*arguments))
        return begun[-1]

    store._begin = counting
    return begun
