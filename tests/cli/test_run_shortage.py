"""A run that has run out of descriptors or disk: it serves on, says so itself, and blames nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession

from gateway.process.descriptors import room
from tests.eventually import eventually
from tests.free_port import free_port
from tests.gateway_run import ENTRY, OPERATOR, Maker, Run, health, samples, status
from tests.process.configs import written

GUARDED = ENTRY.replace(
    '[{url: "BACKEND"}], ', '[{url: "BACKEND"}], breaker: quick, health_check: {path: /, interval: 200ms}, '
).replace("auth:\n", "breakers: {quick: {failures: 3}}\nauth:\n")
SHORT = "-n 300"


@contextmanager
def held(url: str, count: int, sent: bytes = b"") -> Iterator[list[socket.socket]]:
    """``count`` connections of clients who say no more than ``sent``."""
    parts = urlsplit(url)
    with ExitStack() as stack:
        made: list[socket.socket] = []
        for _ in range(count):
            one = stack.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=5))
            one.send(sent)
            made.append(one)
        yield made


@pytest.mark.parametrize("sent", [b"", b"GET /api/info HTTP/1.1\r\nho"], ids=["silent", "half a head"])
async def test_more_connections_than_descriptors_keep_nobody_out_and_blame_nobody(
    runs: Maker, http: ClientSession, sent: bytes
) -> None:
    run = await runs(entry=GUARDED, ulimit=SHORT)
    limit = json.loads(run.err.read_text().splitlines()[0])["connections"]
    assert 50 < limit < 150
    with held(run.url, 700, sent):
        assert [await status(http, run.url + "/api/info") for _ in range(20)] == [200] * 20
        for path in ("/health", "/health/live", "/health/ready"):
            assert await status(http, run.url + path) == 200
        shown = await health(run, http)
        assert shown["connections"] == {"limit": limit, "written": 10_000}
        tutor = shown["upstreams"]["tutor"]
        assert (tutor["breaker"]["state"], tutor["breaker"]["failures"]) == ("closed", 0)
        assert (tutor["endpoints"][0]["failures"], tutor["endpoints"][0]["healthy"]) == (0, True)
        counted = await samples(run, http)
        assert counted["gateway_connections_limit|listener=public"] == limit
    limited = await run.event("connections_limited")
    assert (limited["descriptors"], limited["connections"]) == (300, limit)
    assert run.events("endpoint_unhealthy") == run.events("breaker_open") == []


async def test_the_soft_limit_is_raised_to_the_hard_one(runs: Maker, http: ClientSession, tmp_path: Path) -> None:
    run = await runs(ulimit="-Sn 256 && ulimit -Hn 3000")
    (pid,) = (await health(run, http))["workers"]["pids"]
    for each in (pid, run.process.pid):
        (line,) = [
            line for line in Path(f"/proc/{each}/limits").read_text().splitlines() if line.startswith("Max open files")
        ]
        assert line.split()[3:5] == ["3000", "3000"]
    (tmp_path / "other").mkdir()
    one_upstream = written(tmp_path / "other", stt="tutor2").upstreams
    assert len(one_upstream) == 2  # the run has one of them, each with a thousand connections
    assert (await health(run, http))["connections"]["limit"] == 3000 - 193 - 1000


async def test_descriptors_that_another_process_uses_up_are_reported_and_end_nothing(
    runs: Maker, http: ClientSession
) -> None:
    """A limit that is lowered while it runs stands for a system without descriptors (ENFILE)."""
    run = await runs(entry=GUARDED)
    (pid,) = (await health(run, http))["workers"]["pids"]
    assert await status(http, run.url + "/api/info") == 200
    used = len(os.listdir(f"/proc/{pid}/fd"))
    subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={used + 3}:"], check=True)
    with held(run.url, 50, b"GET /api/info HTTP/1.1\r\nhost: a\r\n\r\n") as clients:
        responses = [await asyncio.to_thread(received, one) for one in clients]
        statuses = {response.split()[1] for response in responses if response}
        assert statuses <= {b"200", b"503"}, statuses

        async def degraded() -> bool:
            shown = await health(run, http)
            return bool(shown["status"] == "degraded" and shown["shortages"])

        await eventually(degraded)
    subprocess.run(["prlimit", f"--pid={pid}", "--nofile=4096:"], check=True)
    shown = await health(run, http)
    assert [one["kind"] for one in shown["shortages"]] == ["descriptors"]
    assert shown["reasons"][0].startswith("out of descriptors since ")
    assert shown["upstreams"]["tutor"]["breaker"]["failures"] == 0
    assert (await samples(run, http))["gateway_shortages_total|kind=descriptors"] >= 1
    assert len(run.events("shortage")) == 1
    await eventually(lambda: _is_200(http, run.url + "/api/info"))


def received(client: socket.socket) -> bytes:
    """What ``client`` got; nothing when it was closed with its request unread."""
    try:
        return client.recv(100)
    except ConnectionResetError:
        return b""


async def _is_200(http: ClientSession, url: str) -> bool:
    return await status(http, url) == 200


@pytest.fixture
def full() -> Iterator[int]:
    """A descriptor of a full disk."""
    fd = os.open("/dev/full", os.O_WRONLY)
    yield fd
    os.close(fd)


@pytest.fixture
def broken() -> Iterator[int]:
    """A descriptor that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("fd", ["full", "broken"])
@pytest.mark.parametrize("json_lines", [True, False])
async def test_a_start_line_that_cannot_be_written_ends_no_run(
    tmp_path: Path, request: pytest.FixtureRequest, http: ClientSession, fd: str, json_lines: bool
) -> None:
    port, ops = free_port(), free_port()
    run = Run(
        tmp_path, {**os.environ, "GATEWAY_OPS_TOKEN": OPERATOR["authorization"].split()[1], "JWT_SECRET": "x" * 40}
    )
    run.url, run.ops = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{ops}"
    entry = ENTRY.replace("WORKERS", "1").replace("DRAIN", "1s").replace("BACKEND", "http://127.0.0.1:9")
    entry = entry.replace("port: 0", f"port: {port}", 1).replace("port: 0", f"port: {ops}", 1)
    (tmp_path / "upstreams.yaml").write_text(entry.replace("${UPSTREAM_KEY}", "k"))
    output: int = request.getfixturevalue(fd)
    await run.start(json=json_lines, stdout=output, stderr=output)
    try:

        async def serves() -> bool:
            assert run.process.returncode is None
            try:
                return await status(http, run.url + "/health/live") == 200
            except OSError:
                return False

        await eventually(serves)
        if fd == "full":

            async def reported() -> bool:
                shown = await health(run, http)
                return [one["kind"] for one in shown["shortages"]] == ["disk"]

            await eventually(reported)
            assert (await health(run, http))["status"] == "degraded"
            assert (await samples(run, http))["gateway_shortages_total|kind=disk"] >= 1
        run.send(signal.SIGTERM)
        assert await run.ended() == 0
    finally:
        await run.stop()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_run_that_cannot_start_ends_with_2_also_where_it_cannot_say_why(
    tmp_path: Path, full: int, stream: str
) -> None:
    (tmp_path / "upstreams.yaml").write_text("version: 1\nstate: {path: state}\nlisten: {port: 0}\nops: {port: 0}\n")
    (tmp_path / "state").write_text("no folder")
    ran = subprocess.run(
        [sys.executable, "-m", "gateway", "run", "--config", str(tmp_path / "upstreams.yaml")],
        **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: full},  # type: ignore[call-overload]  # by name
        check=False,
    )
    assert ran.returncode == 2


def test_check_has_a_note_where_the_descriptors_carry_less_than_is_written(tmp_path: Path) -> None:
    config = written(tmp_path)
    sentence = room(config, 512).sentence()
    command = [sys.executable, "-m", "gateway", "check", "--config", str(tmp_path / "upstreams.yaml")]
    for limit, notes in ((512, [f"{sentence} (ulimit -Hn)"]), (16_384, [])):
        for options in ([], ["--json"]):
            ran = subprocess.run(
                ["sh", "-c", f'ulimit -n {limit} && exec "$0" "$@"', *command, *options],
                env={**os.environ, "OPS_TOKEN": "an-operators-token-of-more-than-32-bytes"},
                capture_output=True,
                text=True,
                check=True,
            )
            if options:
                assert json.loads(ran.stdout)["notes"] == notes
            else:
                assert [line for line in ran.stdout.splitlines() if line.startswith("note:")] == [
                    f"note: {note}" for note in notes
                ]
