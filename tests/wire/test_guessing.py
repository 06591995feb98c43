"""The attack: thousands of guesses from hundreds of addresses, in every form a login takes, and what reaches the backend."""

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web
from yarl import URL

from gateway.demo.accounts import ADA_EMAIL, ADA_PASSWORD
from gateway.demo.tutor import DemoTutor
from tests.eventually import eventually
from tests.gateway_fixture import Running, running_gateway

FAILURES = 10
ACCOUNTS = [f"user{number}@example.com" for number in range(49)] + [ADA_EMAIL]
ADDRESSES = [f"198.51.{100 + number // 100}.{number % 100 + 1}" for number in range(200)]
TARGETS = ["auth.login", "auth.signin", "auth%2Elogin", "%61uth.login", "auth.login/"]

ENTRY = """\
version: 1
include: [policies/*.yaml]
listen: {trusted_proxies: [127.0.0.0/8]}
upstreams:
  tutor:
    endpoints: [{url: "${TUTOR}"}]
    trpc: {prefix: /api/trpc, max_batch: 10, aliases: {auth.signin: auth.login}}
routes:
  - {name: login, procedures: [auth.login], upstream: tutor, auth: public, lockout: accounts, body: json}
  - {name: rest, procedures: ["lessons.*"], upstream: tutor, auth: public, body: json}
"""
POLICIES = """\
bodies:
  json: {max: 64KiB, types: [application/json]}
lockouts:
  accounts: {account: /email, failures: 10, within: 1h, lock_for: 1h, scope: SCOPE, address: ADDRESS}
"""


class Backend(DemoTutor):
    """The demo tutor, keeping a book of what reached it. ``slow`` holds responses back until it is set."""

    def __init__(self) -> None:
        super().__init__("a-secret-of-the-demo-with-32-bytes!")
        self.others: Counter[int] = Counter()  # statuses of calls that never came to comparing a password
        self.accepts: set[str] = set()
        self.slow: asyncio.Event | None = None
        self.arrived = asyncio.Event()

    @property
    def by_account(self) -> Counter[str]:
        return self._summed(0)

    @property
    def by_address(self) -> Counter[str]:
        return self._summed(1)

    def _summed(self, place: int) -> Counter[str]:
        summed: Counter[str] = Counter()
        for pair, guesses in self.guesses.items():
            summed[pair[place]] += guesses
        return summed

    def _run(self, request: web.Request, call: Any) -> Any:
        before = self.guesses.total()
        outcome = super()._run(request, call)
        self.accepts |= {name for name in ("range", "accept-encoding") if name in request.headers}
        if self.guesses.total() == before:
            self.others[outcome.status] += 1
        return outcome

    async def respond(self, request: web.Request, path: str, query: str) -> web.StreamResponse:
        response = await super().respond(request, path, query)
        self.arrived.set()
        if self.slow is not None:
            await self.slow.wait()
        return response


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with Backend() as tutor:
        yield tutor


def policies(scope: str, address: str = "null") -> str:
    return POLICIES.replace("SCOPE", scope).replace("ADDRESS", address)


def spelled(chance: random.Random, email: str) -> str:
    return chance.choice([email, email.upper(), email.title(), f" {email}", f"{email}\t"])


def request(chance: random.Random, emails: list[str], password: str = "guess") -> tuple[str, bytes]:
    """Target and body of one login or a batch of them, in any of the spellings that reach the procedure."""
    inputs = [{"json": {"email": email, "password": password}} for email in emails]
    names = [chance.choice(TARGETS) for _ in emails]
    if len(emails) == 1 and chance.random() < 0.5:
        return f"/api/trpc/{names[0]}", json.dumps(inputs[0]).encode()
    names = [name.removesuffix("/") for name in names]
    batch = chance.choice(["batch=1", "%62atch=1"])
    path = chance.choice([",", "%2C"]).join(names)
    return f"/api/trpc/{path}?{batch}", json.dumps({str(n): value for n, value in enumerate(inputs)}).encode()


async def send(session: ClientSession, gateway: Running, target: str, body: bytes, address: str, **fields: str) -> int:
    headers = {"content-type": "application/json", "x-forwarded-for": address, **fields}
    async with session.post(URL(gateway.url + target, encoded=True), data=body, headers=headers) as response:
        await response.read()
        return response.status


async def attack(gateway: Running, chance: random.Random, guesses: int) -> None:
    """``guesses`` logins, each account from each address after the other, singly and in batches, some of them hung up on."""
    victims = itertools.cycle(ACCOUNTS)
    addresses = itertools.cycle(ADDRESSES)
    waves = asyncio.Semaphore(60)

    async def one(emails: list[str], address: str) -> None:
        target, body = request(chance, [spelled(chance, email) for email in emails])
        fields = {"trpc-accept": "application/jsonl"} if "?" in target and chance.random() < 0.3 else {}
        async with waves:
            sending = asyncio.ensure_future(send(session, gateway, target, body, address, **fields))
            if chance.random() < 0.2:
                await asyncio.wait([sending], timeout=chance.random() * 0.01)
                sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async with ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(30)) as session:
        left, jobs = guesses, []
        while left > 0:
            size = min(left, chance.choice([1, 1, 1, 3, 10]))
            emails = [next(victims) for _ in range(size)] if chance.random() < 0.5 else [next(victims)] * size
            jobs.append(one(emails, next(addresses)))
            left -= size
        await asyncio.gather(*jobs)


async def test_no_account_gets_more_guesses_than_allowed(backend: Backend) -> None:
    async with running_gateway(ENTRY, {"TUTOR": backend.url}, policies=policies("account")) as gateway:
        await attack(gateway, random.Random(4), 2_000)
        assert backend.by_account, "something got through"
        assert max(backend.by_account.values()) <= FAILURES
        assert set(backend.by_account) <= set(ACCOUNTS)
        assert backend.guesses.total() >= 200  # the attack was one
        # What came on top had blanks around its e-mail and was refused by the backend before it looked at a password.
        assert set(backend.others) == {400}
        assert not backend.accepts
        assert "bug" not in [name for name, _ in gateway.seen.events]


async def test_no_address_gets_more_guesses_than_allowed_over_all_accounts(backend: Backend) -> None:
    rule = "{failures: 4, within: 1h, lock_for: 1h}"
    async with running_gateway(ENTRY, {"TUTOR": backend.url}, policies=policies("account", rule)) as gateway:
        await attack(gateway, random.Random(5), 2_000)
        assert max(backend.by_address.values()) <= 4
        assert max(backend.by_account.values()) <= FAILURES
        assert {"address_locked"} <= set(gateway.seen.reasons)


async def test_the_owner_at_another_address_still_gets_in(backend: Backend) -> None:
    async with running_gateway(ENTRY, {"TUTOR": backend.url}, policies=policies("account+address")) as gateway:
        await attack(gateway, random.Random(6), 2_000)
        assert max(backend.guesses.values()) <= FAILURES
        async with ClientSession() as session:
            chance = random.Random(7)
            for _ in range(40):
                target, body = request(chance, [ADA_EMAIL])
                await send(session, gateway, target, body, "198.51.100.1")
            assert await send(session, gateway, *request(chance, [ADA_EMAIL], ADA_PASSWORD), "198.51.100.1") == 429
            assert await send(session, gateway, *request(chance, [ADA_EMAIL], ADA_PASSWORD), "203.0.113.77") == 200
        assert "account_locked" in gateway.seen.reasons


async def test_logins_at_once_that_are_all_hung_up_on_spend_their_attempts(backend: Backend) -> None:
    backend.slow = asyncio.Event()
    async with running_gateway(ENTRY, {"TUTOR": backend.url}, policies=policies("account")) as gateway:
        async with ClientSession(connector=TCPConnector(limit=0)) as session:
            target, body = request(random.Random(1), ["ada@example.com"])
            sending = [asyncio.ensure_future(send(session, gateway, target, body, ADDRESSES[n])) for n in range(200)]
            while sum(task.done() for task in sending) < 190 or backend.guesses.total() < FAILURES:
                await asyncio.wait(
                    [task for task in sending if not task.done()], return_when="FIRST_COMPLETED", timeout=0.05
                )
            assert [task.result() for task in sending if task.done()] == [429] * 190
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
            await eventually(lambda: not gateway.server.dispatcher.in_flight)
            assert backend.by_account == {"ada@example.com": FAILURES}
            backend.slow = None
            assert await send(session, gateway, target, body, "203.0.113.1") == 429
        assert [lock.kind for lock in gateway.store.locks(4e9 - 1e9, 10)] == []
        assert gateway.store.stats().records == 1


async def test_a_success_clears_the_count_also_when_lines_were_asked_for(backend: Backend) -> None:
    async with running_gateway(ENTRY, {"TUTOR": backend.url}, policies=policies("account")) as gateway:
        async with ClientSession() as session:
            wrong = "/api/trpc/auth.login?batch=1", b'{"0":{"json":{"email":"ada@example.com","password":"no"}}}'
            right = wrong[0], json.dumps({"0": {"json": {"email": ADA_EMAIL, "password": ADA_PASSWORD}}}).encode()
            for _ in range(3):
                for _ in range(FAILURES - 1):
                    assert await send(session, gateway, *wrong, "198.51.100.1") == 401
                jsonl = {"trpc-accept": "application/jsonl", "accept-encoding": "gzip"}
                assert await send(session, gateway, *right, "198.51.100.1", **jsonl) == 200
        assert not backend.accepts


async def test_nothing_is_lost_on_an_account_while_the_backend_is_away(backend: Backend) -> None:
    url = backend.url
    async with running_gateway(ENTRY, {"TUTOR": url}, policies=policies("account")) as gateway:
        await backend.stop()
        async with ClientSession() as session:
            target, body = request(random.Random(1), [ADA_EMAIL])
            for _ in range(30):
                assert await send(session, gateway, target, body, "198.51.100.1") == 502
        assert gateway.store.stats().records == 0
