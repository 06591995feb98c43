"""Lockouts over a remote store, a round trip away."""

import asyncio
from collections.abc import Sequence

import pytest

from gateway.core.exchange import WholeResponse
from gateway.policy.lockout.keys import account_lock_key
from gateway.state.memory.store import MemoryStore
from gateway.state.rules.lockout import Attempt, Lock, Reserved
from tests.eventually import eventually
from tests.policy.lockout.login_route import NOON, LoginRoute


class RemoteLockouts:
    """A remote store that replies once ``open`` is set."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.open = asyncio.Event()
        self.open.set()

    async def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        await self.open.wait()
        return self.store.reserve(attempts, now)

    async def settle(self, attempts: Sequence[Attempt], failed: bool | None, now: float) -> Sequence[Lock]:
        await self.open.wait()
        return self.store.settle(attempts, failed, now)

    def locks(self) -> Sequence[Lock]:
        return self.store.locks(NOON, 10)


async def test_guesses_are_counted_as_in_the_store_of_the_host() -> None:
    remote = RemoteLockouts()
    route = LoginRoute(remote=remote)
    for passes in (True, True, True, False):
        exchange = route.request("ada@x.y")
        refusal = await route.stage.on_request(exchange)
        assert (refusal is None) is passes
        if passes:
            exchange.sent, exchange.status = True, 401
            await route.stage.on_response_whole(exchange, WholeResponse(exchange.status, (), None))
        route.stage.on_done(exchange)
    assert len(remote.locks()) == 1
    assert [lock for _, lock in route.events.locks] == list(remote.locks())
    assert list(route.store.locks(NOON, 10)) == [], "the store of the host counts nothing beside it"


async def test_a_client_that_leaves_after_the_request_was_sent_has_spent_the_attempt() -> None:
    remote = RemoteLockouts()
    route = LoginRoute(remote=remote, failures=1)
    exchange = route.request("ada@x.y")
    assert await route.stage.on_request(exchange) is None
    exchange.sent = True
    route.stage.on_done(exchange)
    await eventually(remote.locks)


async def test_a_client_that_leaves_while_the_store_is_asked_leaves_no_reservation_behind() -> None:
    remote = RemoteLockouts()
    route = LoginRoute(remote=remote, failures=1)
    remote.open.clear()
    leaving = asyncio.create_task(route.stage.on_request(route.request("bob@x.y")))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    remote.open.set()
    guess = Attempt(account_lock_key("accounts", "bob@x.y"), "account", 1, 900.0, (60.0,))
    await eventually(lambda: remote.store.reserve([guess], NOON)[0].ok)


async def test_a_client_that_leaves_while_the_response_is_settled_does_not_stop_that() -> None:
    remote = RemoteLockouts()
    route = LoginRoute(remote=remote, failures=1)
    exchange = route.request("ada@x.y")
    assert await route.stage.on_request(exchange) is None
    exchange.sent, exchange.status = True, 401
    remote.open.clear()
    settling = route.stage.on_response_whole(exchange, WholeResponse(exchange.status, (), None))
    await asyncio.sleep(0)
    settling.cancel()
    remote.open.set()
    await eventually(remote.locks)
