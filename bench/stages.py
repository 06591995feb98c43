"""What each part of a request costs, alone and warm: a table in microseconds.

    python -m bench.stages

Every hook of the bench's route and the functions between them, the best of seven rounds. In a running gateway a part
costs up to twice as much, as the others have used the processor's caches meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.bodies import FORM, JSON, TYPES, body
from bench.contestants import HERE
from bench.run import python
from bench.tokens import token
from gateway.config.load import load
from gateway.config.model import Config
from gateway.core import response_fields as answers
from gateway.core.exchange import Exchange
from gateway.core.path import canonical
from gateway.core.verdict import Refusal
from gateway.ops.log import Log
from gateway.ops.metrics.worker import WorkerMetrics
from gateway.ops.sink import Sink
from gateway.policy.base.tools import Tools
from gateway.policy.schema.schema import Schema
from gateway.policy.upload.upload import UploadPolicy
from gateway.proxy.compile.runtime import Runtime
from gateway.proxy.flow.render import KEPT, render_head
from gateway.proxy.message import head as admit
from gateway.proxy.message.body import RequestBody
from gateway.proxy.message.parser import RequestParser
from gateway.proxy.message.request import ReceivedRequest
from gateway.proxy.pool.response import ignore_informational
from gateway.proxy.upstream.attempt import UpstreamAttempt
from gateway.proxy.upstream.call import UpstreamCall
from gateway.state.lmdb.store import LmdbStore

CALLS = 10_000
ROUNDS = 7


def cost(part: Callable[[], object]) -> float:
    """Microseconds of one call of ``part``."""
    return min(timeit.repeat(part, number=CALLS, repeat=ROUNDS)) / CALLS * 1e6


class Reader:
    """Reads one request after the other off the wire, and does nothing about them."""

    def __init__(self) -> None:
        self.parser = RequestParser(self, asyncio.get_running_loop(), 16384)

    def on_request(self, request: ReceivedRequest) -> None:
        """Nothing."""

    def on_end(self) -> None:
        """Nothing."""

    def on_error(self, refusal: Refusal) -> None:
        """Nothing."""

    def write(self, data: bytes) -> None:
        """Nothing."""

    def again(self, data: bytes) -> ReceivedRequest:
        """The request that ``data`` is."""
        self.parser.current = None
        self.parser.feed(data)
        assert self.parser.current is not None, "a whole request"
        return self.parser.current


def request(number: int, good: str) -> bytes:
    """A request as the bench's clients send it, with a correlation id of its own."""
    lines = ["GET /api/items HTTP/1.1", "Host: 127.0.0.1:8080", "Origin: https://app.example"]
    lines += [f"X-Correlation-Id: bench-{number:08d}", f"Authorization: Bearer {good}", "", ""]
    return "\r\n".join(lines).encode()


def parts(runtime: Runtime, good: str, folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Name and call of each part, in the order of a request."""
    reader = Reader()
    first = reader.again(request(1, good))
    before = admit.RequestHead(first)
    again = request(2, good)
    second = reader.again(again)
    exchange = Exchange("GET", "/api/items", before.fields, "127.0.0.1", time.monotonic())
    exchange.head, exchange.path = before, "/api/items"
    exchange.route = route = runtime.routes.find(exchange, "GET")
    yield "request, read by the parser", lambda: reader.again(again)
    yield "its fields, from scratch", lambda: admit.RequestHead(first)
    yield "its fields, by what differs", lambda: admit.read(second, before)
    yield "the record of the request", lambda: Exchange("GET", "/", before.fields, "127.0.0.1", 0.0)
    yield "head, checked, with the path", lambda: admit.validate(exchange, before, 16384)
    yield "canonical path", lambda: canonical("/api/items")
    yield "route", lambda: runtime.routes.find(exchange, "GET")
    for decide, _ in route.request_hooks[0]:
        stage: Any = decide.__self__  # type: ignore[attr-defined]  # hooks are bound methods

        def decide_again(decide: Callable[[Exchange], object] = decide) -> None:
            exchange.limits = []
            decide(exchange)

        yield f"{type(stage).__name__.lower()}, on the way in", decide_again
    upstream = runtime.upstreams[route.upstream.name]
    attempt = UpstreamAttempt("items", upstream.pool)
    call = UpstreamCall(exchange, "/api/items", ignore_informational)
    yield "head for the upstream", lambda: attempt.compose(call, upstream.endpoints[0], None)
    answer = [
        (b"Server", b"nginx"),
        (b"Date", b"Sun, 06 Nov 1994 08:49:37 GMT"),
        (b"Content-Type", b"application/json"),
    ]
    answer += [(b"Content-Length", b"1000"), (b"Connection", b"keep-alive"), (b"ETag", b'"6924"')]
    later = [*answer[:3], (b"Content-Length", b"999"), *answer[4:]]
    known = answers.read_incremental(answer, None)
    yield "response's fields, from scratch", lambda: answers.read_incremental(answer, None)
    yield "response's fields, by what differs", lambda: answers.read_incremental(later, known)

    def respond() -> None:
        exchange.response_headers = []
        exchange.limits = limits
        for hook in route.response_hooks[route.depth]:
            hook(exchange)

    for decide, _ in route.request_hooks[0]:
        decide(exchange)
    limits = exchange.limits
    yield "stages, on the way back", respond
    added = exchange.response_headers
    yield "response's head", lambda: render_head(200, known, added, route.removed, b"content-length: 1000\r\n", KEPT)
    exchange.status, exchange.endpoint = 200, "127.0.0.1:8787"
    nowhere = os.open(os.devnull, os.O_WRONLY)
    log, metrics = Log(Sink(nowhere, folder / "lock"), b"k" * 32, worker=0), WorkerMetrics()
    yield "access line", lambda: log.access(exchange, 0.001)
    yield "metrics", lambda: metrics.done(exchange, 0.001)
    yield from contents(runtime)


def contents(runtime: Runtime) -> Iterator[tuple[str, Callable[[], object]]]:
    """What routes have in addition that look into what requests carry."""
    for kind, size in ((JSON, 1024), (FORM, 16384)):
        content = body(kind, size)
        exchange = Exchange("POST", f"/judged/{kind}", {b"content-type": TYPES[kind].encode()}, "127.0.0.1", 0.0)
        exchange.path = f"/judged/{kind}"
        exchange.route = runtime.routes.find(exchange, "POST")
        judge = next(
            decide
            for decide, _ in exchange.route.request_hooks[0]
            if isinstance(decide.__self__, Schema | UploadPolicy)  # type: ignore[attr-defined]  # hooks are bound methods
        )

        def look(
            exchange: Exchange = exchange, content: bytes = content, judge: Callable[[Exchange], object] = judge
        ) -> None:
            exchange.stream, exchange.body = arrived(content), content
            if judge(exchange) is not None:
                raise AssertionError("a good content")

        yield f"{kind} of {size // 1024} KiB, looked into", look


class _Connection:
    """Where a content has come from that is here already."""

    def pause(self) -> None:
        """Nothing."""

    def resume(self) -> None:
        """Nothing."""

    def write(self, data: bytes) -> None:
        """Nothing."""


def arrived(content: bytes) -> RequestBody:
    """``content`` as a request has it that arrived whole."""
    made = RequestBody(_Connection())
    made.declare(len(content), 5.0, False)
    made.feed(content)
    made.end()
    return made


async def main() -> None:
    """Print the table."""
    secret = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory(prefix="stages-") as name:
        folder = Path(name)
        environment = {"BENCH_PORT": "8080", "BENCH_STATE": str(folder), "BENCH_SECRET": secret}
        environment["BENCH_UPSTREAM"] = "http://127.0.0.1:8787"
        config = load(HERE / "gateway" / "upstreams.yaml", environment)
        assert isinstance(config, Config), config
        store = LmdbStore(folder / "state")
        runtime = Runtime(config, Tools(store, time.time, ()))
        print(f"{python()}\n\n| part | us |\n|---|---:|")
        for part, call in parts(runtime, token(secret, "user"), folder):
            call()
            print(f"| {part} | {cost(call):.2f} |")
        store.close()


if __name__ == "__main__":
    asyncio.run(main())
