"""The base of the demo's two services: a port, a life cycle, counters and control endpoints for loopback peers."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import web

from gateway.demo.envelope import encode
from gateway.demo.target import read_target

HEAD_BYTES = 16 * 1024
IDLE_SECONDS = 6.0
_PARSER_BYTES = 64 * 1024  # one line the parser still reads, so that a long head gets our 431 and not its 400

ControlHandler = Callable[[web.Request], Awaitable[Any]]


def json_response(status: int, value: Any, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=encode(value), content_type="application/json", headers=headers)


def _from_here(request: web.Request) -> bool:
    """Whether the peer is this host itself, and not a proxy on this host that forwards for another client."""
    try:
        peer = ipaddress.ip_address(request.remote or "")
    except ValueError:
        return False
    return peer.is_loopback and "x-forwarded-for" not in request.headers and "forwarded" not in request.headers


class DemoService:
    """One aiohttp service on its own port. Use as ``async with``; port 0 picks a free one.

    ``counts`` counts what was reached, by procedure name (the one behind an alias) or by ``"METHOD /path"``;
    ``requests`` every request that arrived, with any result; ``heads`` the method, raw target and raw fields of
    the last 100. Requests that a gateway refused are in none of them.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self.counts: Counter[str] = Counter()
        self.requests = 0
        self.heads: list[tuple[str, str, tuple[tuple[bytes, bytes], ...]]] = []
        self.controls: dict[str, ControlHandler] = {
            "GET /__control/counts": self._read_counts,
            "POST /__control/reset": self._reset_counts,
        }

    @property
    def url(self) -> str:
        """Base address without a slash at the end. Valid once started."""
        return f"http://{self._host}:{self._port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        app = web.Application(client_max_size=0)  # no limit, as the real one has none on tRPC
        app.router.add_route("*", "/{tail:.*}", self._entry)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            keepalive_timeout=IDLE_SECONDS,
            max_line_size=_PARSER_BYTES,
            max_field_size=_PARSER_BYTES,
            shutdown_timeout=0.5,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def respond(self, request: web.Request, path: str, query: str) -> web.StreamResponse:
        """The service's own response to a request that is not for the control endpoints."""
        raise NotImplementedError  # each demo service has its own

    async def _entry(self, request: web.Request) -> web.StreamResponse:
        path, query = read_target(request.raw_path)
        if path.startswith("/__control/"):
            return await self._control(request, path)
        self.requests += 1
        self.heads = [*self.heads[-99:], (request.method, request.raw_path, request.raw_headers)]
        # 6 bytes frame the request line, 4 each field: spaces, colon and line ends as Node counts them
        size = (
            len(request.method) + len(request.raw_path) + 6 + sum(len(k) + len(v) + 4 for k, v in request.raw_headers)
        )
        if size > HEAD_BYTES:
            return web.Response(status=431, headers={"connection": "close"})
        return await self.respond(request, path, query)

    async def _control(self, request: web.Request, path: str) -> web.StreamResponse:
        if not _from_here(request):
            return json_response(403, {"error": "control endpoints answer to this host only"})
        handler = self.controls.get(f"{request.method} {path}")
        if handler is None:
            return json_response(404, {"error": "no such control", "controls": sorted(self.controls)})
        try:
            return json_response(200, await handler(request))
        except (ValueError, TypeError) as error:
            return json_response(400, {"error": str(error)})

    async def _read_counts(self, _: web.Request) -> Any:
        return {"requests": self.requests, "counts": dict(self.counts)}

    async def _reset_counts(self, request: web.Request) -> Any:
        before = await self._read_counts(request)
        self.counts.clear()
        self.requests = 0
        self.heads = []
        return before
