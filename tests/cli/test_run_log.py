"""The log of a run: one without a reader holds nothing up, and none shows a secret."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from pathlib import Path

from aiohttp import ClientSession

from tests.eventually import eventually
from tests.gateway_run import JWT_SECRET, OPERATOR, OPS_TOKEN, Maker, health, samples, status


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
