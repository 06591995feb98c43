"""The backend of the soak: thinks, and gives back what it was asked so that a mixed-up answer is seen.

    python -m bench.soak_upstream PORT

Every answer tells in ``x-thought`` how many seconds it thought, which are not the gateway's.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
import time
from typing import Any

import uvloop
from aiohttp import web

THINKS = {"chat.sendMessage": (0.5, 2.5), "auth.login": (0.02, 0.08)}  # seconds, from and to
ORDINARY = (0.002, 0.02)
LESSONS = [{"id": f"lesson-{number}", "title": "Ordering a meal", "minutes": 12} for number in range(100)]
WRONG = {
    "error": {
        "json": {
            "message": "Invalid email or password",
            "code": -32001,
            "data": {"code": "UNAUTHORIZED", "httpStatus": 401},
        }
    }
}


def _answer(name: str, value: Any) -> dict[str, Any]:
    if name == "auth.login":
        return WRONG
    said: dict[str, Any] = {"procedure": name, "nonce": (value or {}).get("json", {}).get("nonce")}
    if name == "lessons.getAll":
        said["lessons"] = LESSONS
    return {"result": {"data": {"json": said}}}


async def trpc(request: web.Request) -> web.Response:
    began = time.monotonic()
    names = request.match_info["names"].split(",")
    raw = request.query.get("input") if request.method == "GET" else await request.text()
    value = json.loads(raw or "{}")
    low, high = max((THINKS.get(name, ORDINARY) for name in names), key=lambda span: span[1])
    await asyncio.sleep(random.uniform(low, high))
    if request.query.get("batch") == "1":
        said: Any = [_answer(name, value.get(str(place))) for place, name in enumerate(names)]
        status = 200
    else:
        said = _answer(names[0], value)
        status = 401 if "error" in said else 200
    return web.json_response(said, status=status, headers={"x-thought": f"{time.monotonic() - began:.6f}"})


async def transcribe(request: web.Request) -> web.Response:
    digest, size = hashlib.sha256(), 0
    async for piece in request.content.iter_any():
        digest.update(piece)
        size += len(piece)
    began = time.monotonic()
    await asyncio.sleep(random.uniform(0.2, 0.6))
    said = {"sha256": digest.hexdigest(), "bytes": size}
    return web.json_response(said, headers={"x-thought": f"{time.monotonic() - began:.6f}"})


async def main(port: int) -> None:
    app = web.Application(client_max_size=20_000_000)
    app.router.add_route("*", "/api/trpc/{names}", trpc)
    app.router.add_post("/stt/transcribe/", transcribe)
    app.router.add_get("/api/health", lambda _: _health())
    # Longer than the gateway keeps a connection, as a backend should.
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=30)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    await asyncio.Event().wait()


async def _health() -> web.Response:
    return web.json_response({"status": "ok"})


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
