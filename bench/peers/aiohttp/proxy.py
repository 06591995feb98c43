"""A reverse proxy as people write it with aiohttp: Application, middleware, ClientSession, pyjwt.

proxy.py PORT UPSTREAM SECRET MODE      MODE: bare, policies, policies+log
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import jwt
import uvloop
from aiohttp import web

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "content-length"}
ORIGIN = re.compile(r"https://([a-z0-9-]+\.)?app\.example")
UPSTREAM = sys.argv[2]
SECRET = sys.argv[3]
MODE = sys.argv[4]
SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("session", aiohttp.ClientSession)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Buckets:
    """A token bucket per address."""

    def __init__(self, limit: float, period: float) -> None:
        self.limit = limit
        self.rate = limit / period
        self.kept: dict[str, tuple[float, float]] = {}

    def take(self, address: str) -> bool:
        now = time.monotonic()
        left, then = self.kept.get(address, (self.limit, now))
        left = min(self.limit, left + (now - then) * self.rate)
        good = left >= 1
        self.kept[address] = (left - 1 if good else left, now)
        return good


PER_CLIENT = Buckets(1e9, 60)
TIGHT = Buckets(5, 60)


@web.middleware
async def policies(request: web.Request, handler: Handler) -> web.StreamResponse:
    origin = request.headers.get("Origin")
    if origin is not None and not ORIGIN.fullmatch(origin):
        return web.json_response({"error": "origin"}, status=403)
    buckets = TIGHT if request.path.startswith("/tight/") else PER_CLIENT
    if not buckets.take(request.remote or ""):
        return web.json_response({"error": "too many"}, status=429)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"]) if scheme == "Bearer" else {}
    except jwt.InvalidTokenError:
        claims = {}
    if claims.get("type") != "access":
        return web.json_response({"error": "token"}, status=401)
    return await handler(request)


async def forward(request: web.Request) -> web.StreamResponse:
    headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
    headers["X-Forwarded-For"] = request.remote or ""
    body = request.content if request.body_exists else None
    if body is not None and request.content_length is not None:
        headers["Content-Length"] = str(request.content_length)
    async with request.app[SESSION].request(
        request.method, UPSTREAM + request.path_qs, headers=headers, data=body, allow_redirects=False
    ) as answer:
        passed = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        if MODE != "bare":
            passed["X-Content-Type-Options"] = "nosniff"
            passed["Strict-Transport-Security"] = "max-age=31536000"
            passed["Vary"] = "Origin"
            if origin := request.headers.get("Origin"):
                passed["Access-Control-Allow-Origin"] = origin
                passed["Access-Control-Allow-Credentials"] = "true"
        if (answer.content_length or 0) < 65536:
            return web.Response(status=answer.status, headers=passed, body=await answer.read())
        response = web.StreamResponse(status=answer.status, headers=passed)
        response.content_length = answer.content_length
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        await response.write_eof()
        return response


async def session(app: web.Application) -> AsyncIterator[None]:
    connector = aiohttp.TCPConnector(limit=2000)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as app[SESSION]:
        yield


async def main() -> None:
    logging.basicConfig(level=logging.INFO if MODE.endswith("log") else logging.ERROR, stream=sys.stdout)
    app = web.Application(middlewares=[] if MODE == "bare" else [policies], client_max_size=11_000_000)
    app.cleanup_ctx.append(session)
    app.router.add_route("*", "/{path:.*}", forward)
    log = logging.getLogger("access") if MODE.endswith("log") else None
    runner = web.AppRunner(app, access_log=log, keepalive_timeout=600)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1]), backlog=4096).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
