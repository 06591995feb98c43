"""A mixed load on a whole run with the shipped files, and what its worker's memory does meanwhile.

``python -m tests.soak 200000`` prints the memory before and after that many requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import jwt

from tests.gateway_run import Run

ROOT = Path(__file__).parents[1]
SECRETS = {
    "JWT_SECRET": "a-soak-secret-of-more-than-32-bytes!",  # sign and open nothing outside this run
    "GATEWAY_OPS_TOKEN": "a-soak-token-of-more-than-32-bytes!!",
    "TOOLKIT_API_KEY": "a-soak-key",
}
WARM = 260_000  # requests until whatever remembers clients, origins and accounts up to a bound is full
VARIETY = 5000  # so many of each; clients differ by X-Forwarded-For
TOKENS = 200
CONNECTIONS = 16
FLAT = 2 * 1024  # KiB a warm worker may grow by

_PUBLIC = ("lessons.getAll", "leaderboard.get", "dialogue.getTopics", "analytics.getLeaderboard")
_SIGNED_IN = ("user.get", "preferences.get", "chat.getHistory", "lessons.getRecommended", "auth.getCurrentUser")
_SMALL = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{"fine":true}'
_LARGE = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
_LARGE += b"4000\r\n" + b"y" * 0x4000 + b"\r\n0\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)")


class Tutor(asyncio.Protocol):
    """The least of a backend: one response per request, now and then one that is streamed."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            declared = _LENGTH.search(self._received, 0, end)
            whole = end + 4 + (int(declared[1]) if declared else 0)
            if len(self._received) < whole:
                return
            large = b"leaderboard.get" in self._received[:end]
            self._received = self._received[whole:]
            self._transport.write(_LARGE if large else _SMALL)


@dataclass
class Soak:
    """A gateway under load. ``statuses`` counts the responses; -1 stands for a client that left before its own."""

    run: Run
    worker: int
    port: int
    chance: random.Random
    tokens: list[str]
    variety: int = VARIETY
    statuses: Counter[int] = field(default_factory=Counter)

    def memory(self) -> int:
        """KiB of the worker that are its own: without the mapped files of the store."""
        status = Path(f"/proc/{self.worker}/status").read_text()
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1])

    def request(self) -> tuple[bytes, bool]:
        """Any request of the mix, and whether its client leaves without waiting."""
        chance = self.chance
        number = chance.randrange(self.variety)
        fields = [f"x-forwarded-for: 10.0.{number >> 8}.{number & 255}", "content-type: application/json"]
        signed_in = f"authorization: Bearer {chance.choice(self.tokens)}"
        kind, method, body = chance.randrange(10), "GET", ""
        target = chance.choice(_PUBLIC)
        if kind == 0:
            fields.append("origin: https://www.linguamate.app")
        elif kind == 1:
            fields.append(f"origin: https://{chance.randrange(self.variety)}.example")
        elif kind == 2:
            target = f"lessons.{chance.randbytes(6).hex()}"
        elif kind == 3:
            target = "user.get"
            fields.append(f"authorization: Bearer {chance.choice(self.tokens)[:-8]}{chance.randbytes(4).hex()}")
        elif kind == 4:
            target, method = "auth.login", "POST"
            body = json.dumps({"json": {"email": f"u{chance.randrange(self.variety)}@example.com", "password": "nope"}})
        elif kind in (5, 6):
            target = ",".join(chance.choices(_PUBLIC + _SIGNED_IN, k=chance.randint(1, 5))) + "?batch=1"
            fields.append(signed_in)
        elif kind == 7:
            target, method, body = "analytics.trackEvent", "POST", '{"json":{"event":"' + "x" * 4000 + '"}}'
            fields.append(signed_in)
        else:
            target = chance.choice(_SIGNED_IN) + f"?input={chance.randbytes(8).hex()}"
            fields.append(signed_in)
        lines = "\r\n".join((f"{method} /api/trpc/{target} HTTP/1.1", "host: gateway", *fields))
        framing = f"\r\ncontent-length: {len(body)}" if body else ""
        return f"{lines}{framing}\r\n\r\n{body}".encode(), chance.random() < 0.01

    async def load(self, requests: int) -> None:
        """Send so many requests over a few connections and read all responses."""
        left = iter(range(requests))
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(self._talk(left))

    async def _talk(self, left: object) -> None:
        writer: asyncio.StreamWriter | None = None
        for _ in left:  # type: ignore[attr-defined]  # shared by all talkers
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            asked, leaves = self.request()
            writer.write(asked)
            if leaves:
                self.statuses[-1] += 1
                kept = False
            else:
                async with asyncio.timeout(30):
                    kept = await self._read(reader)
            if not kept:
                writer.close()
                writer = None
        if writer is not None:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        self.statuses[int(head[9:12])] += 1
        declared = _LENGTH.search(head)
        if declared is not None:
            await reader.readexactly(int(declared[1]))
        else:
            assert b"transfer-encoding: chunked" in head
            while size := int(await reader.readline(), 16):
                await reader.readexactly(size + 2)
            await reader.readline()
        return b"connection: close" not in head


async def _worker(run: Run) -> int:
    port = int(run.ops.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    token = SECRETS["GATEWAY_OPS_TOKEN"]
    writer.write(f"GET /health HTTP/1.0\r\nhost: ops\r\nauthorization: Bearer {token}\r\n\r\n".encode())
    async with asyncio.timeout(10):
        response = await reader.read()
    writer.close()
    pid: int = json.loads(response.partition(b"\r\n\r\n")[2])["workers"]["pids"][0]
    return pid


def _copied(folder: Path) -> None:
    """The shipped files, on free ports, and with clients that differ though all of them come from this machine."""
    shutil.copytree(ROOT / "policies", folder / "policies")
    text = re.sub(r"port: (8080|8181|9090)", "port: 0", (ROOT / "upstreams.yaml").read_text())
    assert "trusted_proxies: []" in text
    (folder / "upstreams.yaml").write_text(text.replace("trusted_proxies: []", "trusted_proxies: [127.0.0.0/8]"))


@contextlib.asynccontextmanager
async def soaking(folder: Path, seed: int = 1) -> AsyncIterator[Soak]:
    """One worker with the shipped files (copied to ``folder``) in front of a tiny backend in this process."""
    _copied(folder)
    tutor = await asyncio.get_running_loop().create_server(Tutor, "127.0.0.1", 0)
    backend = f"http://127.0.0.1:{tutor.sockets[0].getsockname()[1]}"
    urls = {"TUTOR_URL": backend, "TOOLKIT_URL": backend, "STT_URL": backend, "GATEWAY_HOST": "127.0.0.1"}
    run = Run(folder, {**os.environ, **SECRETS, **urls})
    nowhere = os.open(os.devnull, os.O_WRONLY)
    await run.start("--workers", "1", stdout=nowhere)
    os.close(nowhere)
    try:
        await run.serving()
        now = int(time.time())
        claims = [{"sub": f"user-{number}", "type": "access", "exp": now + 3600} for number in range(TOKENS)]
        tokens = [jwt.encode(claim, SECRETS["JWT_SECRET"], "HS256") for claim in claims]
        yield Soak(run, await _worker(run), int(run.url.rpartition(":")[2]), random.Random(seed), tokens)
    finally:
        await run.stop()
        tutor.close()


async def _main(requests: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        async with soaking(Path(folder)) as soak:
            cold = soak.memory()
            await soak.load(WARM)
            before, started = soak.memory(), time.monotonic()
            print(f"cold: {cold} KiB; warm after {WARM:,} requests: {before} KiB", flush=True)
            for _ in range(10):
                await soak.load(requests // 10)
                print(f"{sum(soak.statuses.values()) - WARM:>8,} more: {soak.memory()} KiB", flush=True)
            grown = soak.memory() - before
            responses = ", ".join(f"{number} x {status}" for status, number in sorted(soak.statuses.items()))
            print(f"grown by {grown} KiB in {time.monotonic() - started:.0f} s; responses: {responses}")
    return 0 if grown < FLAT else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(int(sys.argv[1]))))
