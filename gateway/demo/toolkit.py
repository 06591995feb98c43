"""The demo toolkit: an AI service for speech, text and images, and a control endpoint that sets one of many faults."""

from __future__ import annotations

import asyncio
import hmac
import json
import math
import socket
import struct
from typing import Any

from aiohttp import web

from gateway.demo.envelope import encode
from gateway.demo.service import DemoService, json_response

MODES = ("ok", "fail", "busy", "slow", "hang", "reset", "cut", "short", "chunk", "crawl", "garbage")
_NOISE = b"\x16\x03\x00 this is not HTTP\r\n\r\n"
_BEGUN = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
# The bytes that are sent before the connection ends, and whether it ends in order.
_ENDS = {
    "garbage": (_NOISE, True),
    "reset": (b"", False),
    "cut": (_BEGUN + b'content-length: 100\r\n\r\n{"text":', False),
    "short": (_BEGUN + b'content-length: 100\r\n\r\n{"text":', True),
    "chunk": (_BEGUN + b'transfer-encoding: chunked\r\n\r\n40\r\n{"text":', True),
}
_REFUSALS: dict[str, tuple[int, dict[str, Any]]] = {
    "fail": (500, {"error": "The model is unwell"}),
    "busy": (429, {"error": "Too many requests"}),
}
_RESPONSES: dict[str, dict[str, Any]] = {
    "POST /stt/transcribe/": {"text": "hola mundo", "language": "es"},
    "POST /text/llm/": {"completion": "Hola. Soy la demostración."},
    "POST /images/generate/": {"image": {"base64Data": "iVBORw0KGgo=", "mimeType": "image/png"}, "size": "1x1"},
    "POST /images/edit/": {"image": {"base64Data": "iVBORw0KGgo=", "mimeType": "image/png"}, "size": "1x1"},
}


class DemoToolkit(DemoService):
    """The paid service behind the tutor. ``key`` is its bearer key; without one any key that is not empty will do.

    Modes: ``ok``; ``fail`` responds with 500, ``busy`` with 429; ``slow`` responds after ``slow_seconds``, ``hang`` only
    when the mode changes; ``reset`` cuts the connection by RST, ``cut`` does so in the middle of the response; ``short``
    ends it before its length is reached, ``chunk`` in the middle of a chunk; ``crawl`` sends a byte each
    ``crawl_seconds``; ``garbage`` sends bytes that are not HTTP.
    """

    def __init__(
        self,
        key: str = "",
        host: str = "127.0.0.1",
        port: int = 0,
        crawl_seconds: float = 0.5,
        slow_seconds: float = 5.0,
    ) -> None:
        super().__init__(host, port)
        self._key = key
        self._crawl = crawl_seconds
        self._slow = slow_seconds
        self._mode = "ok"
        self._until = math.inf
        self._changed = asyncio.Event()
        self.controls |= {"GET /__control/mode": self._read_mode, "POST /__control/mode": self._change_mode}

    @property
    def mode(self) -> str:
        """The mode in force now."""
        if asyncio.get_running_loop().time() >= self._until:
            self.set_mode("ok")
        return self._mode

    def set_mode(self, mode: str, seconds: float | None = None) -> None:
        """Change the mode, for good or for some seconds. Raises ValueError for a mode that does not exist."""
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}")
        if seconds is not None and not (isinstance(seconds, int | float) and seconds > 0):
            raise ValueError("'for' must be a number of seconds above 0")
        self._mode = mode
        self._until = math.inf if seconds is None else asyncio.get_running_loop().time() + seconds
        self._changed.set()
        self._changed = asyncio.Event()

    async def stop(self) -> None:
        self._changed.set()
        await super().stop()

    async def respond(self, request: web.Request, path: str, query: str) -> web.StreamResponse:
        value = _RESPONSES.get(f"{request.method} {path}")
        if value is None:
            return json_response(404, {"error": "Not found"})
        if not self._admits(request.headers.get("authorization", "")):
            return json_response(401, {"error": "Invalid API key"})
        await request.read()
        self.counts[f"{request.method} {path}"] += 1
        mode = self.mode
        if mode == "hang":
            await self._hang()
        elif mode == "slow":
            await asyncio.sleep(self._slow)
        if mode in _ENDS:
            return self._break_off(request, *_ENDS[mode])
        if mode == "crawl":
            return await self._dribble(request, encode(value))
        status, refusal = _REFUSALS.get(mode, (200, value))
        return json_response(status, refusal)

    def _admits(self, authorization: str) -> bool:
        scheme, _, key = authorization.partition(" ")
        given = key.strip().encode("utf-8", "surrogateescape")
        return scheme.lower() == "bearer" and (
            hmac.compare_digest(given, self._key.encode()) if self._key else bool(given)
        )

    async def _hang(self) -> None:
        """Wait until the mode changes or runs out; aiohttp cancels this when the caller leaves."""
        left = None if self._until == math.inf else max(0.0, self._until - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(left):
                await self._changed.wait()
        except TimeoutError:
            self.set_mode("ok")

    def _break_off(self, request: web.Request, sent: bytes, orderly: bool) -> web.StreamResponse:
        transport = request.transport
        if transport is not None:
            transport.write(sent)
            if orderly:
                transport.close()
            else:  # linger of 0 seconds: the peer gets RST instead of an orderly end
                sock: socket.socket = transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                transport.abort()
        return web.Response()  # its bytes find the connection closed

    async def _dribble(self, request: web.Request, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "application/json", "content-length": str(len(body))})
        await response.prepare(request)
        for index in range(len(body)):
            await response.write(body[index : index + 1])
            await asyncio.sleep(self._crawl if self._mode == "crawl" else 0)
        await response.write_eof()
        return response

    async def _read_mode(self, _: web.Request) -> Any:
        mode = self.mode
        left = None if self._until == math.inf else round(self._until - asyncio.get_running_loop().time(), 3)
        return {"mode": mode, "for": left, "modes": list(MODES)}

    async def _change_mode(self, request: web.Request) -> Any:
        sent = json.loads(await request.read() or b"{}")
        if not isinstance(sent, dict):
            raise ValueError('send {"mode": "fail", "for": 30}')
        self.set_mode(str(sent.get("mode")), sent.get("for"))
        return await self._read_mode(request)
