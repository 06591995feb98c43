"""Counts the bytecode of ``gateway/`` that one request costs, without sockets; prints JSON. Run by ``test_cost``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import CoroutineType, FrameType
from typing import Any

import jwt

import gateway
from gateway.config.model import Config
from gateway.ops.log import Log
from gateway.ops.metrics.worker import WorkerMetrics
from gateway.ops.observer import WorkerObserver
from gateway.ops.sink import Sink
from gateway.policy.base.tools import Tools
from gateway.proxy.compile.runtime import Runtime
from gateway.proxy.flow.arrival import ListenerLimits
from gateway.proxy.pool import pool
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.server.connection import ClientConnection
from gateway.proxy.server.server import Server
from gateway.state.lmdb.store import LmdbStore
from tests.gateway_fixture import POLICIES, SECRET, written

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  tutor:
    endpoints: [{url: "http://127.0.0.1:8787"}]
    trpc: {prefix: /api/trpc, max_batch: 5}
defaults: {auth: access-token, cors: app, rate_limits: [per-client], body: json, response_headers: secure}
routes:
  - {name: chat, procedures: ["chat.*"], upstream: tutor}
"""
# Routes beside it that use what it does not, and their policies.
OTHER_ROUTES = """\
  - {name: login, procedures: [auth.login], upstream: tutor, auth: public, schema: inputs}
  - {name: speech, paths: [/api/speech], methods: [POST], upstream: tutor, body: forms, upload: speech}
"""
OTHER_POLICIES = """\
  forms: {max: 11MB, types: [multipart/form-data]}
schemas:
  inputs: {files: inputs/*.json}
uploads:
  speech: {parts: {audio: {types: [audio/webm], max: 10MB, required: true}}}
"""
OTHER_FILES = {
    "auth.login.json": '{"type": "object", "properties": {"email": {"format": "email"}}, "required": ["email"]}'
}
ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\nvary: Origin\r\n\r\n" + b"x" * 900
)
ROOT = str(Path(gateway.__file__).parent) + os.sep
ABREAST = 8  # requests in one iteration of the event loop, as 32 busy connections bring them
WARM, COUNTED, KEPT = 320, 80, 1000


class Wire(asyncio.Transport):
    """A transport with no socket: counts what is written, and answers at once where it stands for an upstream."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: Any = None
        self.out = 0
        self.last = b""

    def write(self, data: Any) -> None:
        self.out += len(data)
        self.last = bytes(data[:12])
        if self.protocol is not None:
            asyncio.get_running_loop().call_soon(self.protocol.data_received, ANSWER)

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def close(self) -> None: ...

    def abort(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def connect(self: Any, endpoint: Any, *_: Any) -> UpstreamConnection:
    connection, wire = UpstreamConnection(pool.PoolMembership(self, endpoint), asyncio.get_running_loop()), Wire()
    wire.protocol = connection
    connection.connection_made(wire)
    self.open.add(connection)
    return connection


def request(token: str, number: int) -> bytes:
    return (
        "GET /api/trpc/chat.getHistory?batch=1&input=%7B%220%22%3A%7B%22json%22%3Anull%7D%7D HTTP/1.1\r\n"
        f"Host: 127.0.0.1:8080\r\nAuthorization: Bearer {token}\r\nx-correlation-id: request-{number:08d}\r\n"
        "Origin: https://linguamate.app\r\nUser-Agent: LinguaMate/1.0\r\nAccept: */*\r\n\r\n"
    ).encode()


# What is sent: the limit that it meets, the key of its tokens, and the status of the answer. ``beside``: as ``good``, in a
# gateway whose other routes judge inputs by schemas and look into uploads.
KINDS = {
    "good": ("900000/second", SECRET, b"200"),
    "beside": ("900000/second", SECRET, b"200"),
    "forged": ("900000/second", "another-secret-of-more-than-32-bytes!", b"401"),
    "too-many": ("1/day", SECRET, b"429"),
}


async def instructions(work: Callable[[], Awaitable[None]]) -> int:
    """How many of the gateway's ``work`` executes."""
    counted = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal counted
        if not frame.f_code.co_filename.startswith(ROOT):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        counted += event == "opcode"
        return trace

    for task in asyncio.all_tasks():  # a task that already runs is not entered again: its frames are traced by hand
        inner: Any = task.get_coro()
        while isinstance(inner, CoroutineType) and inner.cr_frame is not None:
            if inner.cr_frame.f_code.co_filename.startswith(ROOT):
                inner.cr_frame.f_trace, inner.cr_frame.f_trace_opcodes = trace, True
            inner = inner.cr_await
    sys.settrace(trace)
    await work()
    sys.settrace(None)
    return counted


def configured(folder: Path, policies: str, others: bool) -> Config:
    """The configuration of the gateway, with other routes beside the one that is asked for or without."""
    if not others:
        return written(folder, ENTRY, policies, {})
    inputs = folder / "policies" / "inputs"
    inputs.mkdir(parents=True)
    for name, text in OTHER_FILES.items():
        (inputs / name).write_text(text)
    unread = ENTRY.replace("upstream: tutor}", 'upstream: tutor, schema: {none: "as without the others"}}')
    return written(
        folder, unread + OTHER_ROUTES, policies.replace("response_headers:", OTHER_POLICIES + "response_headers:"), {}
    )


async def measure(folder: Path, kind: str) -> dict[str, float]:
    limit, key, status = KINDS[kind]
    config = configured(folder, POLICIES.replace("100000/minute", limit), kind == "beside")
    metrics, nowhere = WorkerMetrics(), os.open("/dev/null", os.O_WRONLY)
    log = Log(Sink(nowhere), b"k" * 32, worker=0)
    observer = WorkerObserver(log, metrics)
    limits = config.listen.limits
    served = Server(
        ListenerLimits(
            limits.connections, limits.header_bytes, limits.header_timeout, limits.body_timeout, limits.keepalive
        ),
        observer,
    )
    served.swap(Runtime(config, Tools(LmdbStore(folder / "state"), time.time, ())))
    pool.Pool.connect = connect  # type: ignore[method-assign]  # the one place where a socket would be opened
    now = int(time.time())
    claims = {"sid": "s" * 32, "type": "access", "iat": now, "exp": now + 9000}
    tokens = [jwt.encode({**claims, "sub": f"{n:032d}"}, key, algorithm="HS256") for n in range(4)]
    clients: list[tuple[Any, Wire]] = [
        (ClientConnection(served.dispatcher, served, "127.0.0.1"), Wire()) for _ in range(ABREAST)
    ]
    for client, wire in clients:
        client.connection_made(wire)
    number = 0
    await asyncio.sleep(0)

    async def send(count: int) -> None:
        nonlocal number
        for _ in range(count // ABREAST):
            before = wire.out
            for client, _ in clients:
                number += 1
                client.data_received(request(tokens[number % len(tokens)], number))
            while wire.out == before:
                await asyncio.sleep(0)
            assert wire.last[9:] == status, wire.last
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    def hand_on() -> None:
        """Hand on what was gathered, as is done a few times a second."""
        metrics.report()
        log.sink.close()
        log.sink = Sink(nowhere)

    await send(WARM)
    hand_on()
    held = sys.getallocatedblocks()
    await send(KEPT)
    hand_on()
    crept = sys.getallocatedblocks() - held
    counted = await instructions(lambda: send(COUNTED))
    return {"instructions": counted / COUNTED, "blocks": crept}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        found = asyncio.run(asyncio.wait_for(measure(Path(name), sys.argv[1]), 30))
    print(json.dumps(found), flush=True)
    os._exit(0)  # the connections of the run were never closed, and say so when they are collected
