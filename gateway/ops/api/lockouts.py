"""Who is locked, and lifting locks: the part of the operators' listener that asks the state store."""

from __future__ import annotations

import inspect
import ipaddress
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from aiohttp import web

from gateway.ops.api.app import problem
from gateway.ops.plain import rfc3339
from gateway.policy.lockout import account_key, address_counted, pair_key
from gateway.state.rules.lockout import Lock
from gateway.state.store import LockoutStore, RemoteLockoutStore, StateError

MOST = 1000  # locks told at once
_LONGEST = 512  # characters of an account's name


class Desk(Protocol):
    """What the endpoints need of the run."""

    def lockouts(self) -> Sequence[str]:
        """The names of the lockouts that are configured."""

    def store(self) -> LockoutStore | RemoteLockoutStore:
        """The store of the workers. Raises StateError when it cannot be opened."""

    def person(self, account: str) -> str:
        """What stands for an account in the log."""

    def audit(self, name: str, **fields: object) -> None:
        """Writes an event to the log."""


@dataclass(frozen=True, slots=True)
class Unlock:
    """An order to lift a lock: ``account`` or ``address``, or both for an account as tried from one address."""

    account: str = ""
    address: str = ""
    by: str = ""

    def keys(self, lockouts: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Kind and key of everything the order names."""
        for name in lockouts:
            if self.account and self.address:
                yield "pair", pair_key(name, self.account, self.address)
            elif self.account:
                yield "account", account_key(name, self.account)
            else:
                yield "address", address_counted(name, self.address)


def order_of(body: bytes) -> Unlock:
    """The order in a request's body. Raises ValueError with a sentence."""
    try:
        said = orjson.loads(body)
    except ValueError:
        raise ValueError("The body is not JSON") from None
    if not isinstance(said, dict) or not said.keys() <= {"account", "address", "by"}:
        raise ValueError('Write {"account": "..."} or {"address": "..."}, and "by" to say who asks')
    for key, value in said.items():
        if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST:
            raise ValueError(f"{key} must be a text of at most {_LONGEST} characters")
    order = Unlock(**said)
    if not order.account and not order.address:
        raise ValueError("Name an account or an address")
    if order.address:
        try:
            # A locked IPv6 client is listed by its network; any address of it stands for it.
            address = ipaddress.ip_interface(order.address.strip()).ip
        except ValueError:
            raise ValueError("address must be an IP address") from None
        order = Unlock(order.account, str(address), order.by)
    return order


def add(app: web.Application, desk: Desk, wall: Callable[[], float] = time.time) -> None:
    """Adds ``GET /v1/lockouts`` and ``POST /v1/unlock`` to the listener, behind its guard."""

    async def lockouts(_: web.Request) -> web.Response:
        try:
            held = await _answer(desk.store().locks(wall(), MOST))
        except StateError as error:
            return problem(503, str(error))
        told = [_told(lock) for lock in sorted(held, key=lambda lock: lock.since)]
        return web.Response(body=orjson.dumps({"lockouts": told}), content_type="application/json")

    async def unlock(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            # A web page can send a form or plain text anywhere without asking, but not this.
            return problem(415, "The body must be application/json")
        try:
            order = order_of(await request.read())
            store = desk.store()
            lifted = [await _answer(store.unlock(*key, wall())) for key in order.keys(desk.lockouts())]
        except ValueError as error:
            return problem(400, str(error))
        except StateError as error:
            return problem(503, str(error))
        who: dict[str, object] = {"account": desk.person(order.account)} if order.account else {}
        if order.address:
            who["address"] = order.address
        desk.audit("unlock", **who, by=order.by, asked_from=request.remote or "", unlocked=any(lifted))
        return web.Response(body=orjson.dumps({"unlocked": any(lifted)}), content_type="application/json")

    app.router.add_get("/v1/lockouts", lockouts)
    app.router.add_post("/v1/unlock", unlock)


async def _answer(found: Any) -> Any:
    return await found if inspect.isawaitable(found) else found


def _told(lock: Lock) -> dict[str, Any]:
    return {
        "kind": lock.kind,
        "who": lock.who,
        "since": rfc3339(lock.since),
        "until": rfc3339(lock.until),
        "failures": lock.failures,
        "reason": lock.reason,
    }
