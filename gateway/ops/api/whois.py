"""Who is meant by a hash of the log or of the list of locks, and what the gateway holds against somebody.

The hashes do not lead back to a name, and the key stays in the gateway: whoever asks brings the names.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from aiohttp import web

from gateway.ops.api.admin import Admin
from gateway.ops.api.lockouts import lock_row
from gateway.ops.api.order import LONGEST, InvalidOrder, address_of, check_account, decode, decode_texts
from gateway.ops.api.problem import json_response
from gateway.ops.clients import identified
from gateway.ops.plain import rfc3339
from gateway.policy.base.pointer import account_name
from gateway.policy.lockout.keys import (
    account_lock_key,
    address_name,
    network_lock_key,
    pair_lock_key,
)
from gateway.policy.rate_limit.lookup import Person, bucket_of
from gateway.state.rules.lockout import Lock

MOST_LOCKS = 20_000  # that are looked through
MOST_NAMES = 200  # of one order, each of at most so many characters as any text in an order

_HASH = re.compile(r"[0-9a-f]{12}|[0-9a-f]{32}").fullmatch
_USAGE = 'Write {"account": "..."}, {"subject": "..."}, {"session": "..."} or {"address": "..."}'
_AMONG = (
    'Write {"hash": "...", "names": ["...", ...]}, the hash of 12 or 32 digits as the log or the list of locks has it'
)


class Whois(NamedTuple):
    """Whom an operator asks about; empty texts are not known."""

    account: str = ""
    subject: str = ""
    session: str = ""
    address: str = ""
    by: str = ""


def whois_of(body: bytes) -> Whois:
    """The order in a request's body. Raises InvalidOrder."""
    order = Whois(**decode_texts(body, set(Whois._fields), _USAGE))
    if not any(order[:4]):
        raise InvalidOrder(_USAGE)
    check_account(order.account)
    return order._replace(address=address_of(order.address))


async def post_whois(admin: Admin, request: web.Request) -> web.Response:
    """``POST /v1/whois``: the names of somebody in the log, and their locks, revocations and limits. Or, with a hash and
    names, which of the names it is of."""
    body = await request.read()
    if "hash" in decode(body, {"hash", "names", *Whois._fields}, _USAGE):
        return json_response(_found_among(admin, *among_of(body)))
    order = whois_of(body)
    names = _log_names(admin, order)
    admin.audit("whois", **names, address=order.address, by=order.by, asked_from=request.remote or "")
    return json_response(
        {
            "log": names,
            "client": admin.pseudonym(identified(order.address)[0]) if order.address else None,
            "locks": await _locks(admin, order),
            "revocations": _revocations(admin, order),
            "limits": await _limits(admin, order),
        }
    )


def among_of(body: bytes) -> tuple[str, list[str], str]:
    """Hash, names, and who asks. Raises InvalidOrder."""
    order = decode(body, {"hash", "names", "by"}, _AMONG)
    hashed, names, by = order.get("hash"), order.get("names"), order.get("by", "")
    if not isinstance(hashed, str) or not _HASH(hashed) or not isinstance(names, list) or not isinstance(by, str):
        raise InvalidOrder(_AMONG)
    if len(names) > MOST_NAMES or not all(isinstance(name, str) and 0 < len(name) <= LONGEST for name in names):
        raise InvalidOrder(f"names must be at most {MOST_NAMES} texts of at most {LONGEST} characters")
    return hashed, names, by[:LONGEST]


def _found_among(admin: Admin, hashed: str, names: Sequence[str], by: str) -> dict[str, Any]:
    found = [name for name in names if hashed in _hashes(admin, name, len(hashed))]
    if found:
        admin.audit("whois", hash=hashed, by=by)
    return {"names": found}


def _hashes(admin: Admin, name: str, length: int) -> Iterator[str]:
    """The hashes of so many digits that may stand for ``name``: in the log as a subject, a session or an account, among the
    busiest clients as an address, in the list of locks as an account."""
    try:
        account_name(name)
    except ValueError:  # no account is named so
        if length == 12:
            yield admin.pseudonym(name)
        return
    if length == 12:
        yield admin.pseudonym(name)
        yield admin.account_pseudonym(name)
        yield admin.pseudonym(identified(name)[0])
    else:
        store = admin.lockout_store()
        for lockout in admin.lockouts():
            yield store.lock_name("account", account_lock_key(lockout, name))


def _log_names(admin: Admin, order: Whois) -> dict[str, object]:
    """What stands for them in the log. A subject is the ``principal`` of the access lines."""
    names: dict[str, object] = {}
    if order.account:
        names["account"] = admin.account_pseudonym(order.account)
    if order.subject:
        names["subject"] = admin.pseudonym(order.subject)
    if order.session:
        names["session"] = admin.pseudonym(order.session)
    return names


async def _locks(admin: Admin, order: Whois) -> list[dict[str, Any]]:
    """One row for each lock that may be on them, with the name under which it is listed. Locks on addresses are listed
    without their lockout."""
    if not order.account and not order.address:
        return []
    store, now = admin.lockout_store(), admin.now()
    found = store.locks(now, MOST_LOCKS)
    held = {(lock.kind, lock.who): lock for lock in (await found if inspect.isawaitable(found) else found)}
    names = [(lockout, kind, store.lock_name(kind, key)) for lockout, kind, key in _lock_keys(admin.lockouts(), order)]
    if order.address:
        names.append((None, "address", address_name(order.address)))
    return [_lock_row(lockout, kind, who, held.get((kind, who))) for lockout, kind, who in names]


def _lock_row(lockout: str | None, kind: str, who: str, lock: Lock | None) -> dict[str, Any]:
    shown = lock_row(lock) if lock is not None else {"kind": kind, "who": who}
    return {"lockout": lockout, "locked": lock is not None, **shown}


def _lock_keys(lockouts: Sequence[str], order: Whois) -> Iterator[tuple[str | None, str, bytes]]:
    """Lockout, kind and key of the locks that have an account in them."""
    for name in lockouts if order.account else ():
        yield name, "account", account_lock_key(name, order.account)
        if order.address:
            yield name, "pair", pair_lock_key(name, order.account, order.address)
            yield name, "network", network_lock_key(name, order.account, order.address)


def _revocations(admin: Admin, order: Whois) -> list[dict[str, Any]]:
    named = [(kind, key) for kind, key in (("subject", order.subject), ("session", order.session)) if key]
    if not named:
        return []
    store, now = admin.known_revocations(), admin.now()
    held = {one.name: one for one in store.revocations(now)}
    rows = []
    for kind, key in named:
        one = held.get(store.revocation_name(kind, key.encode("utf-8", "surrogatepass")))
        if one is not None:
            rows.append({"kind": kind, "since": rfc3339(one.since), "until": rfc3339(one.until)})
    return rows


async def _limits(admin: Admin, order: Whois) -> list[dict[str, Any]]:
    """What is left of the limits whose key is known. To look takes nothing from them."""
    person = Person(order.subject, order.address, order.account)
    store, now = admin.limit_store(), admin.now()
    rows = []
    for name, settings in admin.limits().items():
        take = bucket_of(name, settings, person)
        if take is None:
            continue
        found = store.take((take,), now)
        (taken,) = await found if inspect.isawaitable(found) else found
        rows.append(
            {
                "limit": name,
                "key": list(settings.key),
                "remaining": taken.remaining,
                "burst": settings.at_once,
                "full_in_s": round(taken.reset, 3),
            }
        )
    return rows
