"""The attack on what ``make run`` starts: whole processes, the shipped files, and what the demo's backend saw of it."""

import asyncio
import json
import os
import random
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from aiohttp import ClientSession

from gateway.demo.accounts import ADA_EMAIL, ADA_PASSWORD
from gateway.demo.quickstart import SECRETS
from tests.gateway_run import OPS_TOKEN, Run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
GUESSES = 2000
ACCOUNTS = [f"user{number}@example.com" for number in range(49)] + [ADA_EMAIL]
ADDRESSES = [f"127.0.{number // 100 + 1}.{number % 100 + 1}" for number in range(200)]  # all of them this machine's
NAMES = ["auth.login", "auth.signin", "auth%2Elogin", "%61uth.login", "auth.login/", "auth%2esignin"]
AT_ONCE = 60
WIDE = str.maketrans({letter: chr(ord(letter) + 0xFEE0) for letter in map(chr, range(0x21, 0x7F))})


@asynccontextmanager
async def demo(folder: Path, edit: Callable[[str], str] = lambda text: text) -> AsyncIterator[Run]:
    """``gateway run --demo`` with two workers on the shipped files, at free ports; ``edit`` changes the policies."""
    shutil.copytree(ROOT / "policies", folder / "policies")
    for file in (folder / "policies").glob("*.yaml"):
        file.write_text(edit(file.read_text()))
    (folder / "upstreams.yaml").write_text(
        re.sub(r"port: (8080|8181|9090)", "port: 0", (ROOT / "upstreams.yaml").read_text())
    )
    env = {name: value for name, value in os.environ.items() if name not in SECRETS}
    run = Run(folder, {**env, "GATEWAY_OPS_TOKEN": OPS_TOKEN})
    await run.start("--demo", "--workers", "2")
    try:
        await run.serving()
        yield run
    finally:
        if run.process.returncode is None:
            run.send(signal.SIGINT)
        assert await run.ended() == 0


async def guesses(run: Run) -> Counter[tuple[str, str]]:
    """How often the backend compared a password, by account and address."""
    bearer = {"authorization": f"Bearer {OPS_TOKEN}"}
    async with ClientSession() as session:
        async with session.get(f"{run.ops}/health", headers=bearer) as response:
            (endpoint,) = (await response.json())["upstreams"]["tutor"]["endpoints"]
        async with session.get(f"http://{endpoint['address']}/__control/guesses") as response:
            return Counter({(row["account"], row["address"]): row["guesses"] for row in await response.json()})


def request(chance: random.Random, email: str, password: str, plain: bool = False) -> bytes:
    """One sign-in, in one of the forms that a client may find: most of them do what the app does."""
    name, value = "auth.login", {"json": {"email": email, "password": password}}
    form = "alone" if plain else chance.choice(["alone"] * 4 + ["one", "one", "stream", "many", "query"])
    if not plain:
        name = chance.choice(NAMES)
        spelled = [email, email.upper(), email.title(), f" {email}", f"{email}\t", email.translate(WIDE)]
        value["json"]["email"] = chance.choice(spelled)
    method, target, body, more = "POST", f"/api/trpc/{name}", json.dumps(value), ""
    if form in ("one", "stream"):
        target, body = f"{target.rstrip('/')}?batch=1", json.dumps({"0": value})
        more = "trpc-accept: application/jsonl\r\n" if form == "stream" else ""
    elif form == "many":
        target = f"/api/trpc/{name.rstrip('/')},auth.login?%62atch=1"
        body = json.dumps({"0": value, "1": value})
    elif form == "query":
        method, target, body = "GET", f"{target}?input={quote(body)}", ""
    fields = f"host: x\r\ncontent-type: application/json\r\ncontent-length: {len(body.encode())}\r\n{more}"
    return f"{method} {target} HTTP/1.1\r\n{fields}connection: close\r\n\r\n{body}".encode()


async def send(run: Run, address: str, asked: bytes, leave_after: float | None = None) -> int:
    """The status, 0 for who hangs up after so many seconds."""
    at = urlsplit(run.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port, local_addr=(address, 0))
    try:
        writer.write(asked)
        async with asyncio.timeout(leave_after):
            return int((await reader.read())[9:12])
    except TimeoutError:
        return 0
    finally:
        writer.transport.abort()


async def attack(run: Run, chance: random.Random, plan: list[tuple[str, str]]) -> Counter[int]:
    """Every (address, account) of ``plan`` once; the statuses."""
    gate, statuses = asyncio.Semaphore(AT_ONCE), Counter[int]()

    async def one(address: str, email: str) -> None:
        async with gate:
            leave = chance.random() * 0.02 if chance.random() < 0.15 else None
            statuses[await send(run, address, request(chance, email, "guess"), leave)] += 1

    await asyncio.gather(*(one(*pair) for pair in plan))
    return statuses


def summed(found: Counter[tuple[str, str]], place: int) -> Counter[str]:
    total: Counter[str] = Counter()
    for pair, count in found.items():
        total[pair[place]] += count
    return total


def most(found: Counter[Any]) -> int:
    return max(found.values(), default=0)


async def test_no_more_guesses_reach_the_backend_than_the_shipped_files_allow(tmp_path: Path) -> None:
    async with demo(tmp_path) as run:
        begun = time.monotonic()
        plan = [(ADDRESSES[number % 200], ACCOUNTS[number % 50]) for number in range(GUESSES)]
        chance = random.Random(11)
        chance.shuffle(plan)
        statuses = await attack(run, chance, plan)
        found = await guesses(run)
        allowed = 5 + (time.monotonic() - begun) / 12  # five a minute, of which some come back meanwhile
        assert set(statuses) <= {0, 200, 400, 401, 405, 429}, statuses  # 200 is a stream's, whatever is in it
        assert statuses[429] > GUESSES / 4
        assert set(summed(found, 0)) <= set(ACCOUNTS)
        assert set(summed(found, 1)) <= set(ADDRESSES)
        assert found.total() > 50  # the attack was one
        assert most(summed(found, 0)) <= 100  # everywhere
        assert most(found) <= min(allowed, 10)  # at one account from one address
        assert most(summed(found, 1)) <= allowed
        assert run.events("bug") == []


def by_pair(policies: str) -> str:
    """Without the limits of speed, and with the lockout that spares the owner."""
    policies = policies.replace("limit: 5/minute", "limit: 100000/minute").replace("burst: 60,", "burst: 600,")
    policies = policies.replace("limit: 120/minute, burst: 120", "limit: 100000/minute")
    return policies.replace("    failures: 10\n", "    failures: 4\n    scope: account+address\n")


async def test_the_lockout_alone_holds_and_spares_the_owner_at_another_address(tmp_path: Path) -> None:
    async with demo(tmp_path, by_pair) as run:
        # Ten guesses of every address at one account, or ten at accounts in turn.
        plan = [
            (address, ACCOUNTS[number % 50] if number % 2 else ACCOUNTS[(number + step) % 50])
            for number, address in enumerate(ADDRESSES)
            for step in range(GUESSES // len(ADDRESSES))
        ]
        chance = random.Random(12)
        chance.shuffle(plan)
        await attack(run, chance, plan)
        found = await guesses(run)
        assert most(found) == 4  # the attack was one, and no pair got further
        assert most(summed(found, 1)) <= 50
        plain = request(chance, ADA_EMAIL, "guess", plain=True)
        while await send(run, "127.0.9.1", plain) != 429:
            pass
        right = request(chance, ADA_EMAIL, ADA_PASSWORD, plain=True)
        assert await send(run, "127.0.9.1", right) == 429
        assert await send(run, "127.0.9.2", right) == 200
        assert (await guesses(run))[ADA_EMAIL, "127.0.9.1"] == 4
