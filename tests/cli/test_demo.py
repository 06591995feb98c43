"""``gateway demo`` as a process."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from gateway.demo.tutor import DemoTutor
from tests.demo.talk import SECRET

ROOT = Path(__file__).parents[2]


async def start(*more: str, **env: str) -> asyncio.subprocess.Process:
    program = "import typer; from gateway.cli.demo import demo; typer.run(demo)"
    command = [sys.executable, "-c", program, "--tutor-port", "0", "--toolkit-port", "0", *more]
    kept = {name: value for name, value in os.environ.items() if name not in ("JWT_SECRET", "TOOLKIT_API_KEY")}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, env=kept | env, cwd=ROOT, stdout=pipe, stderr=pipe)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_command_serves_until_a_signal_and_ends_cleanly(
    number: signal.Signals, http: aiohttp.ClientSession
) -> None:
    process = await start("--json", JWT_SECRET=SECRET)
    assert process.stdout is not None
    where = json.loads(await process.stdout.readline())
    async with http.get(where["tutor"] + "/api/health") as response:
        assert response.status == 200
    async with http.get(where["toolkit"] + "/__control/mode") as response:
        assert (await response.json())["mode"] == "ok"
    process.send_signal(number)  # with two idle connections still open
    async with asyncio.timeout(10):
        rest, errors = await process.communicate()
    assert (process.returncode, rest, errors) == (0, b"", b"")


@pytest.mark.parametrize("env", [{}, {"JWT_SECRET": "short"}])
async def test_the_command_wants_a_secret(env: dict[str, str]) -> None:
    process = await start(**env)
    out, errors = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert b"JWT_SECRET" in errors
    assert b"Traceback" not in errors
    assert b"short" not in errors


async def test_the_command_says_when_a_port_is_taken() -> None:
    async with DemoTutor(SECRET) as tutor:
        process = await start("--tutor-port", tutor.url.rpartition(":")[2], JWT_SECRET=SECRET)
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"address already in use" in errors
    assert b"Traceback" not in errors
