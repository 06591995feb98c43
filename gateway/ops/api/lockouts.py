"""Lockouts: the locks that hold, and lifting them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from gateway.ops.api.admin import Admin
from gateway.ops.api.order import InvalidOrder, address_of, check_account, decode_texts
from gateway.ops.api.problem import json_response
from gateway.ops.plain import rfc3339
from gateway.policy.lockout.keys import account_lock_key, address_lock_key, network_lock_key, pair_lock_key
from gateway.state.rules.lockout import Lock

MOST = 1000  # locks listed at once


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
                yield "pair", pair_lock_key(name, self.account, self.address)
                yield "network", network_lock_key(name, self.account, self.address)
            elif self.account:
                yield "account", account_lock_key(name, self.account)
            else:
                yield "address", address_lock_key(name, self.address)


def unlock_of(body: bytes) -> Unlock:
    """The order in a request's body. Raises InvalidOrder."""
    usage = 'Write {"account": "..."} or {"address": "..."}, and "by" to say who asks'
    order = Unlock(**decode_texts(body, {"account", "address", "by"}, usage))
    if not order.account and not order.address:
        raise InvalidOrder("Name an account or an address")
    check_account(order.account)
    return replace(order, address=address_of(order.address))


async def get_lockouts(admin: Admin, _: web.Request) -> web.Response:
    """``GET /v1/lockouts``: the locks that hold, oldest first."""
    found = admin.lockout_store().locks(admin.now(), MOST)
    locks = await found if inspect.isawaitable(found) else found
    return json_response({"lockouts": [lock_row(lock) for lock in sorted(locks, key=lambda lock: lock.since)]})


async def post_unlock(admin: Admin, request: web.Request) -> web.Response:
    """``POST /v1/unlock``: lift the locks that the order names."""
    order = unlock_of(await request.read())
    store = admin.lockout_store()
    unlocked = False
    for kind, key in order.keys(admin.lockouts()):
        found = store.unlock(kind, key, admin.now())
        unlocked |= await found if inspect.isawaitable(found) else found
    names: dict[str, object] = {"account": admin.account_pseudonym(order.account)} if order.account else {}
    if order.address:
        names["address"] = order.address
    admin.audit("unlock", **names, by=order.by, asked_from=request.remote or "", unlocked=unlocked)
    return json_response({"unlocked": unlocked})


def lock_row(lock: Lock) -> dict[str, Any]:
    """A lock as operators see it."""
    return {
        "kind": lock.kind,
        "who": lock.who,
        "since": rfc3339(lock.since),
        "until": rfc3339(lock.until),
        "failures": lock.failures,
        "reason": lock.reason,
    }
