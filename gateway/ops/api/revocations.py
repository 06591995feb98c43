"""Revocations: ending tokens before their time."""

from __future__ import annotations

import inspect
from typing import NamedTuple

from aiohttp import web

from gateway.core.units import parse_duration
from gateway.ops.api.admin import Admin
from gateway.ops.api.order import InvalidOrder, decode_texts
from gateway.ops.api.problem import json_response, problem
from gateway.ops.plain import rfc3339

LONGEST = 30 * 86_400.0
"""Seconds that a revocation lasts, at most and when the order does not say: no token should live longer."""


class Revoke(NamedTuple):
    """An order to refuse the tokens of a ``subject`` or a ``session`` (``kind``) named ``key`` for ``seconds``."""

    kind: str
    key: str
    seconds: float
    by: str


def revoke_of(body: bytes) -> Revoke:
    """The order in a request's body. Raises InvalidOrder."""
    usage = 'Write {"subject": "..."} or {"session": "..."}, "for" how long, and "by" to say who asks'
    order = decode_texts(body, {"subject", "session", "by", "for"}, usage)
    kinds = order.keys() & {"subject", "session"}
    if len(kinds) != 1:
        raise InvalidOrder("Name a subject or a session, and not both")
    kind = kinds.pop()
    seconds = LONGEST
    if "for" in order:
        try:
            seconds = parse_duration(order["for"])
        except ValueError as error:
            raise InvalidOrder(f"for: {error}") from None
        if not 0 < seconds <= LONGEST:
            raise InvalidOrder("for must be more than nothing and at most 30d")
    return Revoke(kind, order[kind], seconds, order.get("by", ""))


async def post_revoke(admin: Admin, request: web.Request) -> web.Response:
    """``POST /v1/revoke``: refuse the tokens of a subject or a session that were issued until now."""
    order = revoke_of(await request.read())
    now = admin.now()
    until = now + order.seconds
    found = admin.revocation_store().revoke(order.kind, order.key.encode("utf-8", "surrogatepass"), until, now)
    done = bool(await found if inspect.isawaitable(found) else found)
    # A session's name may be as good as a key to it, so neither is written to the log.
    names = {order.kind: admin.pseudonym(order.key)}
    admin.audit("revoke", **names, until=rfc3339(until), by=order.by, asked_from=request.remote or "", revoked=done)
    if not done:
        return problem(507, "There is no room for another revocation everywhere")
    return json_response({"revoked": True, "until": rfc3339(until)})
