"""Reloading by order, and what the configuration in effect is made of."""

from __future__ import annotations

from aiohttp import web

from gateway.ops.api.admin import Admin
from gateway.ops.api.breakers import operator_of
from gateway.ops.api.problem import json_response


async def get_config(admin: Admin, _: web.Request) -> web.Response:
    """``GET /v1/config``: the configuration that is served, and what is set from where."""
    return json_response(admin.configuration())


async def post_reload(admin: Admin, request: web.Request) -> web.Response:
    """``POST /v1/reload``: read the files anew. 200 when they are served, 409 with the problems when nothing has changed."""
    by = operator_of(await request.read())
    result = await admin.reload()
    admin.audit("reload_ordered", reloaded=result["reloaded"], by=by, asked_from=request.remote or "")
    return json_response(result, status=200 if result["reloaded"] else 409)
