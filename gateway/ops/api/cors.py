"""Pages of other origins that may use the operators' listener (``ops.origins``). This file is the door to aiohttp-cors."""

from __future__ import annotations

from collections.abc import Collection

import aiohttp_cors
from aiohttp import web

MAX_AGE = 600  # seconds for which a browser may remember a preflight

_REQUEST_FIELDS = ("authorization", "content-type")


def allow_origins(app: web.Application, origins: Collection[str]) -> None:
    """Let pages of ``origins`` read every resource of ``app`` and use its methods, and answer their preflights.

    A preflight carries no token (Fetch standard), so the guard lets those of ``origins`` through. No credentials are
    allowed: a page has to send the token itself, and no cookie or client certificate speaks for it.
    """
    cors = aiohttp_cors.setup(app)
    for resource in list(app.router.resources()):
        options = aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call]  # the library leaves it untyped
            allow_credentials=False,
            allow_headers=_REQUEST_FIELDS,
            allow_methods=[route.method for route in resource],
            max_age=MAX_AGE,
        )
        cors.add(resource, dict.fromkeys(origins, options))
