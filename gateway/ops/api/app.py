"""The operators' listener: health in full, the figures, the routes. It runs in the supervisor, off the request path."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import orjson
from aiohttp import web

from gateway.core.error_format import PROBLEM_JSON, operator_problem
from gateway.core.loopback import names_loopback
from gateway.core.secret import Secret
from gateway.ops.health import answer
from gateway.ops.metrics import CONTENT_TYPE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ALWAYS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class Facts(Protocol):
    """What the listener tells; the supervisor knows it."""

    def token(self) -> Secret | None:
        """The bearer token to ask for, None when none is configured."""

    def picture(self) -> dict[str, Any]:
        """The body of /health, all workers together."""

    def figures(self) -> bytes:
        """The body of /metrics."""

    def routes(self) -> Sequence[dict[str, Any]]:
        """The body of /v1/routes."""


def application(facts: Facts) -> web.Application:
    """The listener's application. Whether a missing token is acceptable is the configuration check's to say."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = _refused(request, facts.token())
        if refused is not None:
            return refused
        try:
            return await handler(request)
        except web.HTTPException as error:
            allow = {"allow": error.headers["allow"]} if "allow" in error.headers else {}
            return problem(error.status, error.reason, **allow)

    async def health(_: web.Request) -> web.Response:
        reply = answer(facts.picture())
        return web.Response(status=reply.status, body=reply.body, content_type="application/json")

    async def figures(_: web.Request) -> web.Response:
        return web.Response(body=facts.figures(), headers={"content-type": CONTENT_TYPE})

    async def routes(_: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps({"routes": list(facts.routes())}), content_type="application/json")

    app = web.Application(middlewares=[guard], client_max_size=64 * 1024)
    app.router.add_get("/health", health)
    app.router.add_get("/metrics", figures)
    app.router.add_get("/v1/routes", routes)
    app.on_response_prepare.append(_finish)
    return app


async def _finish(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_ALWAYS)
    response.headers["Server"] = "gateway"  # aiohttp would name itself and its version


def _refused(request: web.Request, token: Secret | None) -> web.Response | None:
    if token:
        sent = request.headers.getall("Authorization", [])
        scheme, _, value = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
        good = hmac.compare_digest(value.strip().encode("utf-8", "surrogateescape"), token.reveal().encode())
        if good and scheme.lower() == "bearer":
            return None
        # RFC 6750 3: error codes only when something was sent
        challenge = 'Bearer realm="ops"' + (', error="invalid_token"' if sent else "")
        return problem(401, "Operators only", **{"www-authenticate": challenge})
    if not names_loopback(request.host):
        # Without a token the loopback address is all that protects; a web page whose name was pointed here
        # (DNS rebinding) would come with that name in Host.
        return problem(403, "Not this host")
    return None


def problem(status: int, title: str, **headers: str) -> web.Response:
    """An answer by RFC 9457."""
    body = orjson.dumps(operator_problem(title, status))
    return web.Response(status=status, body=body, content_type=PROBLEM_JSON, headers=headers)
