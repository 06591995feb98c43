"""The tutor's REST routes. None asks for a token, as in the real one."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from gateway.demo.service import json_response

Route = Callable[[web.Request, float], Awaitable[web.StreamResponse]]

AUDIO_BYTES = 10_000_000
_AUDIO_TYPES = frozenset(f"audio/{kind}" for kind in ("webm", "m4a", "mp3", "wav", "mpeg", "ogg"))
_CLOCK_SKEW = 300.0  # seconds a log batch's own time may be off


def _fixed(value: dict[str, Any]) -> Route:
    async def route(_: web.Request, __: float) -> web.StreamResponse:
        return json_response(200, value)

    return route


async def _json(request: web.Request) -> dict[str, Any] | None:
    try:
        value = json.loads(await request.read())
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


async def _ingest(request: web.Request, now: float) -> web.StreamResponse:
    sent = await _json(request)
    if sent is None or not isinstance(sent.get("logs"), list) or not isinstance(sent.get("sig"), dict):
        return json_response(400, {"error": "Invalid payload"})
    stamp = sent["sig"].get("ts")
    seconds = stamp / 1000 if isinstance(stamp, int | float) and stamp > 1e11 else stamp  # the app sends milliseconds
    if not isinstance(seconds, int | float) or abs(now - seconds) > _CLOCK_SKEW:
        return json_response(401, {"error": "Stale signature"})
    return json_response(200, {"ok": True, "received": len(sent["logs"])})


async def _transcribe(request: web.Request, _: float) -> web.StreamResponse:
    try:
        form = await request.post()
    except Exception:  # whatever is wrong with the form, the real one responds with 503
        return json_response(503, {"error": "Speech service unavailable"})
    audio = form.get("audio")
    if not isinstance(audio, web.FileField):
        return json_response(400, {"error": "Missing audio file"})
    size = audio.file.seek(0, 2)
    if not 1 <= size <= AUDIO_BYTES:
        return json_response(413 if size else 400, {"error": "Audio must be 1 to 10,000,000 bytes"})
    if audio.content_type.partition(";")[0].strip().lower() not in _AUDIO_TYPES:
        return json_response(415, {"error": "Unsupported audio type"})
    return json_response(200, {"text": "hola mundo", "language": str(form.get("language") or "es"), "bytes": size})


async def _generate(request: web.Request, _: float) -> web.StreamResponse:
    sent = await _json(request) if request.content_type == "application/json" else {}
    if sent is None:
        return json_response(400, {"error": "Invalid JSON"})
    return json_response(
        200, {"completion": "Hola. Soy la demostración.", "image": {"base64Data": "", "mimeType": "image/png"}}
    )


ROUTES: dict[str, Route] = {
    "GET /api": _fixed({"status": "ok", "message": "Demo tutor"}),
    "GET /api/": _fixed({"status": "ok", "message": "Demo tutor"}),
    "GET /api/info": _fixed({"name": "demo-tutor", "version": "1.0.0", "procedures": 62}),
    "GET /api/health": _fixed({"status": "ok"}),
    "GET /api/toolkit/health": _fixed({"status": "ok", "service": "toolkit"}),
    "GET /api/stt/health": _fixed({"status": "ok", "service": "stt"}),
    "POST /api/ingest/logs": _ingest,
    "POST /api/toolkit/v1/text/llm": _generate,
    "POST /api/toolkit/text/llm": _generate,
    "POST /api/toolkit/v1/images/generate": _generate,
    "POST /api/toolkit/v1/images/edit": _generate,
    "POST /api/toolkit/v1/stt/transcribe": _transcribe,
    "POST /api/toolkit/stt/transcribe": _transcribe,
    "POST /api/stt/transcribe": _transcribe,
    "POST /api/stt": _fixed({"text": "hello from server (mock)"}),
}
