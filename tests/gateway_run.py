"""One ``gateway run`` as a process: how a test starts it, waits for it, and reads what it logs and shows its operators."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from tests.eventually import eventually

JWT_SECRET = "a-signing-secret-of-more-than-32-bytes"  # signs nothing outside the tests
OPS_TOKEN = "an-operators-token-of-more-than-32-bytes"  # opens nothing outside the tests
OPERATOR = {"authorization": f"Bearer {OPS_TOKEN}"}

ENTRY = """\
version: 1
listen: {host: 127.0.0.1, port: 0, workers: WORKERS, drain: DRAIN}
ops: {host: 127.0.0.1, port: 0, token: "${GATEWAY_OPS_TOKEN}"}
state: {path: state}
upstreams:
  tutor: {endpoints: [{url: "BACKEND"}], request_headers: {set: {x-key: "${UPSTREAM_KEY}"}}}
routes:
  - {name: info, paths: [/api/info, "/api/wait/*"], upstream: tutor, auth: public}
  - {name: private, paths: [/api/private], upstream: tutor, auth: access-token}
auth:
  access-token: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}", require: {type: access}}
"""


class Run:
    """One ``gateway run``; ``url`` and ``ops`` once it serves."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = env
        self.url = ""
        self.ops = ""
        self.out = folder / "out.log"
        self.err = folder / "err.log"

    async def start(
        self,
        *options: str,
        json: bool = True,
        stdout: int | None = None,
        stderr: int | None = None,
        ulimit: str = "",
        user: tuple[int, int] | None = None,
    ) -> None:
        """``stdout`` and ``stderr``: descriptors in place of the files ``out`` and ``err``. ``ulimit``: the options of a
        command that lowers limits of the process, such as ``-Sn 256``. ``user``: uid and gid to run under."""
        entry = self.folder / "upstreams.yaml"
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.process = await asyncio.create_subprocess_exec(
                *(("sh", "-c", f'ulimit {ulimit} && exec "$0" "$@"') if ulimit else ()),
                *(sys.executable, "-m", "gateway", "run", "--config", str(entry), *options),
                *(("--json",) if json else ()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out if stdout is None else stdout,
                stderr=err if stderr is None else stderr,
                env=self.env,
                start_new_session=True,
                **({} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}),
            )

    async def serving(self) -> None:
        """Wait until it prints its addresses."""
        await eventually(lambda: b'"gateway"' in self.err.read_bytes() or self.process.returncode is not None)
        assert self.process.returncode is None, self.err.read_text()
        addresses = json.loads(self.err.read_text().splitlines()[0])
        self.url, self.ops = addresses["gateway"], addresses["ops"]

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.read_bytes().split(b"\n")[:-1]]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == name]

    async def event(self, name: str) -> dict[str, Any]:
        """The first event of a name, once it is logged: a process hands its lines on a little later."""
        return (await eventually(lambda: self.events(name)))[0]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        async with asyncio.timeout(30):
            return await self.process.wait()

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.send(signal.SIGINT)  # announces nothing
            try:
                await self.ended()
            except TimeoutError:
                os.killpg(self.process.pid, signal.SIGKILL)
                raise


Maker = Callable[..., Awaitable[Run]]
"""Starts a run in front of the test's backend: ``runs(workers=2, drain="1s", entry=ENTRY, serving=True)``."""


async def command(run: Run, *words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of ``gateway WORDS`` with the configuration of a run."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", *words, "--config", str(run.folder / "upstreams.yaml")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=run.env,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode().strip(), err.decode()


async def status(http: ClientSession, url: str) -> int:
    """The status of a GET of ``url``, its body read."""
    async with http.get(url) as response:
        await response.read()
        return response.status


async def health(run: Run, http: ClientSession) -> dict[str, Any]:
    """What operators see at /health."""
    async with http.get(run.ops + "/health", headers=OPERATOR) as response:
        shown: dict[str, Any] = await response.json()
        return shown


async def worker_pids(run: Run, http: ClientSession) -> list[int]:
    pids: list[int] = (await health(run, http))["workers"]["pids"]
    return pids


async def metrics(run: Run, http: ClientSession) -> str:
    """What operators see at /metrics, as text."""
    async with http.get(run.ops + "/metrics", headers=OPERATOR) as response:
        return await response.text()


async def samples(run: Run, http: ClientSession) -> dict[str, float]:
    """The samples of /metrics, each under its name and labels: ``name|label=value,|label=value``."""
    families = text_string_to_metric_families(await metrics(run, http))
    found = [sample for family in families for sample in family.samples]
    return {
        sample.name + ",".join(f"|{key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for sample in found
    }
