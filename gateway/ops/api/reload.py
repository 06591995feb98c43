"""Reloading by order, and what the configuration in effect is made of."""

from __future__ import annotations

import re
from collections.abc import Collection

from aiohttp import web

from gateway.ops.api.admin import Admin
from gateway.ops.api.order import LONGEST, InvalidOrder, decode
from gateway.ops.api.problem import json_response

MOST = 1000
"""Acknowledgements of one order."""

_USAGE = 'The body is {"by": NAME, "acknowledge": [ID, ...]}, both optional'
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,199}").fullmatch


async def get_config(admin: Admin, _: web.Request) -> web.Response:
    """``GET /v1/config``: the configuration that is served, and what is set from where."""
    return json_response(admin.configuration())


async def post_reload(admin: Admin, request: web.Request) -> web.Response:
    """``POST /v1/reload?acknowledge=ID&acknowledge=ID``: read the files anew. 200 when they are served; 409 with the problems
    when nothing has changed, and with the loosenings that nobody has acknowledged."""
    by, acknowledged = _order_of(await request.read(), request.query.getall("acknowledge", []))
    result = await admin.reload(acknowledged)
    admin.audit(
        "reload_ordered",
        reloaded=result["reloaded"],
        acknowledged=result.get("acknowledged", []),
        by=by,
        asked_from=request.remote or "",
    )
    return json_response(result, status=200 if result["reloaded"] else 409)


async def post_diff(admin: Admin, request: web.Request) -> web.Response:
    """``POST /v1/diff``: what the files would change in effect if they were loaded now. Nothing is changed. 409 with the problems
    of files that cannot be loaded, or compared."""
    _order_of(await request.read(), [])
    result = await admin.differences()
    return json_response(result, status=200 if result["compared"] else 409)


def _order_of(body: bytes, acknowledged: Collection[str]) -> tuple[str, frozenset[str]]:
    """Who gives the order, and the ids of the loosenings that are ``acknowledged`` in the query or in the body. Raises
    InvalidOrder."""
    order = decode(body, {"by", "acknowledge"}, _USAGE) if body.strip() else {}
    by, listed = order.get("by", ""), order.get("acknowledge", [])
    if not isinstance(by, str) or len(by) > LONGEST:
        raise InvalidOrder(f"by must be a text of at most {LONGEST} characters")
    if not isinstance(listed, list) or len(listed) + len(acknowledged) > MOST:
        raise InvalidOrder(f"acknowledge must be a list of at most {MOST} ids")
    ids = [*acknowledged, *listed]
    if not all(isinstance(one, str) and _ID(one) for one in ids):
        raise InvalidOrder("acknowledge must be the id of a loosening, as the refusal lists it")
    return by.strip(), frozenset(ids)
