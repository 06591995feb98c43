"""Attempts for the tests of the stores, and one attempt with its verdict."""

from gateway.state.rules.lockout import Attempt
from gateway.state.store import Store

NOON = 1_767_268_800.0


def account(
    key: bytes = b"ada", failures: int = 3, within: float = 900.0, lock_for: tuple[float, ...] = (60.0,)
) -> Attempt:
    return Attempt(key, "account", failures, within, lock_for)


def address(text: str = "192.0.2.1", failures: int = 5) -> Attempt:
    return Attempt(b"accounts\0" + text.encode(), "address", failures, 3600.0, (3600.0,))


def guess(store: Store, now: float, *attempts: Attempt, failed: bool | None = True) -> bool:
    """One attempt and its verdict; whether it was let through."""
    asked = attempts or (account(),)
    through = all(answer.ok for answer in store.reserve(asked, now))
    if through:
        store.settle(asked, failed, now)
    return through
