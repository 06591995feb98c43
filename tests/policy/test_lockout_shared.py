"""Lockouts over a store that is a round trip away."""

import asyncio
from typing import Any

import pytest

from gateway.policy.lockout import SharedLockout, account_key
from gateway.state.rules.lockout import Attempt, Lock, Reserved
from tests.memory_store import MemoryStore
from tests.policy.lockout_gate import NOON, Door


class Far:
    """A store a round trip away."""

    def __init__(self) -> None:
        self.near = MemoryStore()
        self.open: Any = None

    async def reserve(self, attempts: list[Attempt], now: float) -> Any:
        if self.open is not None:
            await self.open.wait()
        return self.near.reserve(attempts, now)

    async def settle(self, attempts: list[Attempt], failed: bool | None, now: float) -> list[Lock]:
        return list(self.near.settle(attempts, failed, now))

    async def locks(self, now: float, limit: int) -> list[Lock]:
        return list(self.near.locks(now, limit))

    async def unlock(self, kind: str, key: bytes, now: float) -> bool:
        return self.near.unlock(kind, key, now)

    async def take(self, takes: Any, now: float) -> list[Reserved]:
        raise AssertionError


async def test_over_a_shared_store_the_same_holds() -> None:
    far = Far()
    door = Door(shared=far)
    assert isinstance(door.stage, SharedLockout)
    for passes in (True, True, True, False):
        exchange = door.ask("ada@x.y")
        refused = await door.stage.on_request(exchange)
        assert (refused is None) is passes
        if passes:
            exchange.sent, exchange.status = True, 401
            await door.stage.on_answer(exchange)
        door.stage.on_done(exchange)
    assert len(await far.locks(NOON, 10)) == 1


async def test_over_a_shared_store_hanging_up_costs_the_attempt_only_when_something_was_sent() -> None:
    far = Far()
    door = Door(shared=far, failures=1)
    exchange = door.ask("ada@x.y")
    assert await door.stage.on_request(exchange) is None
    exchange.sent = True
    door.stage.on_done(exchange)
    await asyncio.gather(*door.stage._tasks)
    assert len(await far.locks(NOON, 10)) == 1

    far.open = asyncio.Event()
    leaving = asyncio.create_task(door.stage.on_request(door.ask("bob@x.y")))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    far.open.set()
    await asyncio.gather(*door.stage._tasks)
    assert far.near.reserve([Attempt(account_key("accounts", "bob@x.y"), "account", 1, 900.0, (60.0,))], NOON)[0].ok
