"""Event streams of a whole run: a revocation ends them on every worker, and on every replica that shares a Redis."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from gateway.demo.hs256 import sign
from tests.eventually import eventually
from tests.gateway_run import JWT_SECRET, OPS_TOKEN, Run, command
from tests.state.redis_fixture import server
from tests.upstream_fixture import Upstream, running_upstream

ENTRY = """\
version: 1
listen: {host: 127.0.0.1, port: 0, workers: 2, drain: {announce: 0, finish: 2s}}
ops: {host: 127.0.0.1, port: 0, token: "${GATEWAY_OPS_TOKEN}"}
state: {path: state, key: "a-key-of-the-state-of-more-than-32-bytes"REDIS}
upstreams:
  tutor: {endpoints: [{url: "BACKEND"}]}
routes:
  - {name: events, paths: [/events], upstream: tutor, auth: access-token}
auth:
  access-token: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}"}
"""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n"
EVENT = b"9\r\ndata: 1\n\n\r\n"


async def events(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await fake.read(reader)
    writer.write(HEAD)
    await reader.read()


async def begin(folder: Path, backend: str, redis: str = "", finish: str = "2s") -> Run:
    folder.mkdir()
    env = {**os.environ, "JWT_SECRET": JWT_SECRET, "GATEWAY_OPS_TOKEN": OPS_TOKEN}
    text = (
        ENTRY.replace("BACKEND", backend)
        .replace("finish: 2s", f"finish: {finish}")
        .replace("REDIS", f', redis: "{redis}"' if redis else "")
    )
    (folder / "upstreams.yaml").write_text(text)
    run = Run(folder, env)
    await run.start()
    await run.serving()
    port = run.ops.rpartition(":")[2]
    (folder / "upstreams.yaml").write_text(text.replace("port: 0, token", f"port: {port}, token"))
    return run


@asynccontextmanager
async def streams(run: Run, subject: str, count: int) -> AsyncIterator[list[asyncio.StreamReader]]:
    """Streams of one subject that have sent their first event, on connections of their own."""
    now = int(time.time())
    token = sign({"sub": subject, "iat": now - 1, "exp": now + 900}, JWT_SECRET)
    at, made, writers = urlsplit(run.url), [], []
    for _ in range(count):
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        writer.write(f"GET /events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n".encode())
        writers.append(writer)
        made.append(reader)
    async with asyncio.timeout(10):
        for reader in made:
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(EVENT)) == EVENT
    yield made
    for writer in writers:
        writer.close()


def _revoked(run: Run) -> list[dict[str, object]]:
    return [line for line in run.lines() if line.get("reason") == "token_revoked"]


async def test_a_revocation_ends_the_streams_of_its_subject_on_every_worker_and_replica(tmp_path: Path) -> None:
    async with running_upstream(script=events) as upstream:
        with server(tmp_path / "redis") as redis:
            runs = [await begin(tmp_path / name, upstream.url, redis.url) for name in ("one", "other")]
            here, there = runs
            try:
                async with (
                    streams(here, "ada", 8) as mine,
                    streams(there, "ada", 8) as far,
                    streams(here, "bob", 2) as bobs,
                ):
                    assert (await command(here, "revoke", "--subject", "ada"))[0] == 0
                    async with asyncio.timeout(8):
                        for reader in (*mine, *far):
                            assert await reader.readexactly(5) == b"0\r\n\r\n"
                    done, _ = await asyncio.wait([asyncio.create_task(bobs[0].read(1))], timeout=0.2)
                    assert not done
                # A process hands its lines on a little later.
                await eventually(lambda: len(_revoked(here)) >= 8)
                assert len(_revoked(here)) == 8
            finally:
                for run in runs:
                    await run.stop()


async def test_ctrl_c_ends_open_streams_at_once(tmp_path: Path) -> None:
    """They have no end of their own: a page that is open would hold the prompt for as long as requests may take."""
    async with running_upstream(script=events) as upstream:
        run = await begin(tmp_path / "run", upstream.url, finish="1h")
        try:
            async with streams(run, "ada", 4) as open_streams:
                run.send(signal.SIGINT)
                async with asyncio.timeout(8):
                    for reader in open_streams:
                        assert await reader.readexactly(5) == b"0\r\n\r\n"
            assert await run.ended() == 0
            assert not run.events("drain_cut")
        finally:
            await run.stop()
