"""The application of the operators' listener, made from the table of endpoints. It runs in the supervisor, off the
request path."""

from __future__ import annotations

from functools import partial

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.ops.api.admin import Admin
from gateway.ops.api.cors import allow_origins
from gateway.ops.api.guard import guard
from gateway.ops.api.table import OPERATIONS

_BODY_LIMIT = 64 * 1024  # bytes of an order


def application(admin: Admin, *outer: Middleware) -> web.Application:
    """The operations over ``admin``, behind the guard and what is ``outer`` to it. Pages of its origins of now may use them with the operators' token:
    the guard refuses an origin as soon as it is gone, one that comes later gets no CORS fields."""
    app = web.Application(middlewares=[*outer, guard(admin)], client_max_size=_BODY_LIMIT)
    for method, path, handler in OPERATIONS:
        app.router.add_route(method, path, partial(handler, admin))
        if method == "GET":
            app.router.add_route("HEAD", path, partial(handler, admin))
    app.on_response_prepare.append(_add_fields)
    origins = admin.origins()
    if origins:
        allow_origins(app, origins)
        app.on_response_prepare.append(_vary_by_origin)
    return app


async def _add_fields(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update({"cache-control": "no-store", "x-content-type-options": "nosniff"})
    response.headers["Server"] = "gateway"  # aiohttp would name itself and its version


async def _vary_by_origin(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Vary"] = "Origin"  # aiohttp-cors leaves it out (Fetch standard, "CORS protocol and HTTP caches")
