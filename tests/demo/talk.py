"""Raw exchanges with the demo backend: a target goes out exactly as written."""

import asyncio
import json
from typing import Any

from gateway.demo.accounts import ADA_EMAIL, ADA_PASSWORD
from gateway.demo.tutor import DemoTutor

SECRET = "a-demo-secret-of-forty-characters-or-so!"


LOGIN = {"json": {"email": ADA_EMAIL, "password": ADA_PASSWORD}}


KEY = "toolkit-key"


BEARER = f"authorization: Bearer {KEY}"


async def send(url: str, head: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """One raw exchange: a target goes out exactly as written. Status 0 is an answer that is not HTTP, or none."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(head.encode("latin-1") + b"\r\nhost: demo\r\nconnection: close\r\n")
        writer.write(f"content-length: {len(body)}\r\n\r\n".encode() + body)
        async with asyncio.timeout(5):
            raw = await reader.read()
    finally:
        writer.close()
    start, _, rest = raw.partition(b"\r\n\r\n")
    status, *lines = start.decode("latin-1").split("\r\n")
    if not status.startswith("HTTP/1.1 "):
        return 0, {}, raw
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), fields, rest


async def post(tutor: DemoTutor, target: str, body: Any, extra: str = "") -> tuple[int, Any]:
    head = f"POST {target} HTTP/1.1\r\ncontent-type: application/json{extra}"
    status, _, raw = await send(tutor.url, head, json.dumps(body).encode())
    return status, json.loads(raw) if raw.startswith((b"{", b"[")) else raw


async def get(tutor: DemoTutor, target: str, extra: str = "") -> tuple[int, dict[str, str], Any]:
    status, fields, raw = await send(tutor.url, f"GET {target} HTTP/1.1{extra}")
    return status, fields, json.loads(raw) if raw.startswith((b"{", b"[")) else raw


async def token(tutor: DemoTutor) -> str:
    _, answer = await post(tutor, "/api/trpc/auth.login", LOGIN)
    return str(answer["result"]["data"]["json"]["accessToken"])
