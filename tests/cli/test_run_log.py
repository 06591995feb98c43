"""The log of a run: one without a reader holds nothing up, and none shows a secret."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import ClientSession

from tests.eventually import eventually
from tests.gateway_run import ENTRY, JWT_SECRET, OPERATOR, OPS_TOKEN, Maker, health, samples, status
from tests.upstream_fixture import Upstream, running_upstream, wire


async def test_no_secret_is_in_any_output(runs: Maker, http: ClientSession) -> None:
    run = await runs()
    bad = {
        "authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLWhlcmU",
        "cookie": "sid=c00kie",
    }
    async with http.get(run.url + "/api/private?secret=qu3ry", headers=bad) as response:
        assert response.status == 401
    async with http.get(run.url + "/api/info?secret=qu3ry", headers=bad) as response:
        assert response.status == 200
    run.send(signal.SIGHUP)
    await run.event("reloaded")
    shown = await health(run, http)
    async with http.get(run.ops + "/v1/routes", headers=OPERATOR) as response:
        routes = await response.read()
    pids = (*shown["workers"]["pids"], run.process.pid)
    arguments = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)
    await run.stop()
    shown_anywhere = run.out.read_bytes() + run.err.read_bytes() + json.dumps(shown).encode() + routes + arguments
    for secret in (JWT_SECRET, OPS_TOKEN, "upstream-key-value", "eyJhbGci", "c2lnbmF0", "c00kie", "qu3ry"):
        assert secret.encode() not in shown_anywhere, secret


async def test_a_log_that_nobody_reads_holds_nothing_up(runs: Maker, http: ClientSession) -> None:
    reader, writer = os.pipe()
    try:
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        run = await runs(stdout=writer)
        for _ in range(50):  # some 12 KB of log
            assert await status(http, run.url + "/api/info") == 200
        run.send(signal.SIGTERM)
        assert await run.ended() == 0
    finally:
        os.close(reader)
        os.close(writer)


async def test_a_log_whose_reader_is_gone_costs_lines_and_says_how_many(runs: Maker, http: ClientSession) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        run = await runs(stdout=writer)

        async def counted() -> bool:
            assert await status(http, run.url + "/api/info") == 200
            return (await samples(run, http)).get("gateway_log_lines_dropped_total", 0) > 0

        await eventually(counted)
    finally:
        os.close(writer)


SENT = b"GET %b HTTP/1.1\r\nhost: a\r\nx-correlation-id: %b\r\n\r\n"
ANSWERED = b"HTTP/1.1 200 OK\r\nx-correlation-id: %b\r\nX-Request-Id: own-%b\r\ncontent-length: 0\r\n\r\n"


async def test_every_request_has_one_line_by_which_it_is_found_in_the_log_of_the_backend(runs: Maker) -> None:
    ids = (b"app-00000001", b"app-00000002", b"bad", b"app-00000004")

    async def respond(_: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for at in range(len(ids)):
            await reader.readuntil(b"\r\n\r\n")
            mark = ids[at] if at < 2 else b"another-%d" % at
            writer.write(ANSWERED % (mark, b"%d" % at))
        writer.close()

    async with running_upstream(script=respond) as upstream:
        run = await runs(entry=ENTRY.replace("BACKEND", upstream.url))
        port = urlsplit(run.url).port or 0
        async with wire(port) as client:
            for mark in ids:
                assert (await client.ask(SENT % (b"/api/info", mark))).status == 200
        refused = {
            b"/api/private": "token_missing",
            b"/nowhere": "no_route",
            b"/api/%252e%252e/info?x=qu3ry": "path_ambiguous",
            b"/api;p=1/info": "path_ambiguous",
            b"http://ada:s3cret@a/api/info": "path_ambiguous",
        }
        for path in refused:
            async with wire(port) as client:
                assert (await client.ask(SENT % (path, b"app-refused-1"))).status >= 400
        async with wire(port) as client:
            assert (await client.ask(b"GET /api/info\r\n\r\n")).status == 400
        lines = await eventually(lambda: len(run.events("request")) >= 10 and run.events("request"))
        served, others = lines[:4], lines[4:]
        assert [line["correlation_id"] for line in served] == [
            *(one.decode() for one in ids[:2]),
            served[2]["id"],
            "app-00000004",
        ]
        assert [line.get("upstream_correlation_id") for line in served] == [None, None, "another-2", "another-3"]
        assert [line["upstream_request_id"] for line in served] == ["own-0", "own-1", "own-2", "own-3"]
        assert [line["reason"] for line in others] == [*refused.values(), "head_malformed"]
        assert [line.get("path_sent") for line in others] == [
            None,
            None,
            "/api/%252e%252e/info",
            "/api;p=1/info",
            "/api/info",
            "/api/info",
        ]
        assert {line["correlation_id"] for line in others[:-1]} == {"app-refused-1"}
        await run.stop()
        assert len([line for line in run.lines() if "reason" in line]) == 6, "one line for each refused request"
        for secret in (b"qu3ry", b"s3cret"):
            assert secret not in run.out.read_bytes()
