"""What would happen to a request, or why one was refused."""

from __future__ import annotations

import re

from aiohttp import web

from gateway.ops.api.admin import Admin, NotExplained
from gateway.ops.api.order import LONGEST, InvalidOrder, decode
from gateway.ops.api.problem import json_response, problem

_REQUEST = frozenset(("method", "target", "headers", "body", "claims", "address", "at", "listener"))
_USAGE = (
    'Write {"method": "GET", "target": "/...", "headers": {}, "body": "", "claims": {}, "address": "", "at": ""}, '
    'or {"request_id": "..."}'
)
_ID = re.compile(r"[!-~]{1,128}").fullmatch


async def post_explain(admin: Admin, request: web.Request) -> web.Response:
    """``POST /v1/explain``: the route, the stages and the response of a request by the configuration that is served, or those of
    one that was refused lately. 404 when no worker keeps the one of that id. Nothing of the order is logged but who gave it."""
    order = decode(await request.read(), _REQUEST | {"request_id", "by"}, _USAGE)
    by = order.pop("by", "")
    if not isinstance(by, str) or len(by) > LONGEST:
        raise InvalidOrder(f"by must be a text of at most {LONGEST} characters")
    by_id = "request_id" in order
    if by_id and (len(order) > 1 or not isinstance(order["request_id"], str) or not _ID(order["request_id"])):
        raise InvalidOrder(_USAGE)
    if not by_id and not {"method", "target"} <= order.keys():
        raise InvalidOrder(_USAGE)
    admin.audit("explained", refused=by_id, by=by, asked_from=request.remote or "")
    try:
        return json_response(await admin.explain(order))
    except NotExplained as error:
        return problem(error.status, str(error))
