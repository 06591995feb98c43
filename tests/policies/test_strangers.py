"""What strangers can do to somebody whose e-mail address they know, on the shipped files, with a clock moved by hand.

What one sequence shows is said in policies/tests/sign-in.yaml. Here is what takes loops inside of loops: hours of guesses at any pace, in
which the owner signs in now and then, and what holds for every public route, those that are not there yet too.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gateway.config.load import load
from gateway.config.model import Config, Route
from gateway.core.exchange import Exchange, WholeResponse
from gateway.core.verdict import Refusal, Reply
from gateway.demo.procedures import PROCEDURES
from gateway.policy.base.tools import Tools
from gateway.proxy.compile.runtime import Runtime
from gateway.proxy.flow.decide import Decision, leave, settle
from gateway.state.memory.store import MemoryStore
from tests.tutor_inputs import CASES

ROOT = Path(__file__).parents[2]
SECRETS = {
    name: f"{name}-vY2n7QmZ-8sLr4Wd1xTgK0bHc6Jp9uAe3f"
    for name in ("JWT_SECRET", "TOOLKIT_API_KEY", "GATEWAY_OPS_TOKEN")
}
NOON = 1_767_268_800.0
DAY = 86_400.0
OWNER, STRANGER = "192.0.2.1", "198.51.100.1"
EMAIL = "ada@example.com"
KINDS = {name: "GET" if row.kind == "query" else "POST" for name, row in PROCEDURES.items()}


def shipped(folder: Path, edit: Callable[[str], str] = lambda text: text) -> Config:
    """The shipped files with ``lockouts.yaml`` edited."""
    shutil.copytree(ROOT / "policies", folder / "policies")
    shutil.copy(ROOT / "upstreams.yaml", folder)
    file = folder / "policies" / "lockouts.yaml"
    before = file.read_text()
    file.write_text(edit(before))
    config = load(folder / "upstreams.yaml", SECRETS)
    assert isinstance(config, Config), "\n".join(map(str, config))
    return config


class Backend:
    """The gateway before a backend that is right about passwords."""

    def __init__(self, config: Config) -> None:
        self.now = NOON
        self.runtime = Runtime(config, Tools(MemoryStore(), lambda: self.now))
        self.guesses = 0

    async def send(
        self, client: str, path: str, fields: dict[str, Any], right: bool, wrong: int = 401, method: str = "POST"
    ) -> str:
        """The reason of the refusal of one request, empty when it reached the backend."""
        headers = {b"content-type": b"application/json", b"host": b"x", b"x-device": b"one"}
        exchange = Exchange(method, path, headers, client, self.now)
        exchange.path, exchange.body = path, json.dumps(fields).encode() if method == "POST" else None
        exchange.query = f"input={quote(json.dumps(fields))}" if method == "GET" else ""
        route = self.runtime.routes.find(exchange, method)
        exchange.route = route
        decision = Decision(exchange, route)
        verdict = await settle(decision)
        reason = ""
        if verdict is None:
            self.guesses += not right
            exchange.sent = self.now
            response = WholeResponse(200 if right else wrong, (), b"{}")
            for hook in route.whole_hooks:
                settled = hook(exchange, response)
                if settled is not None:
                    await settled
        elif isinstance(verdict, Refusal):
            reason = verdict.reason.slug
        leave(decision)
        assert not isinstance(verdict, Reply)
        return reason

    async def sign_in(self, client: str, right: bool = False) -> str:
        return await self.send(client, "/api/trpc/auth.login", {"json": {"email": EMAIL, "password": "p"}}, right)

    async def verify(self, client: str, right: bool = False) -> str:
        given = {"json": {"email": EMAIL, "otp": "000000", "code": "x"}}
        return await self.send(client, "/api/trpc/auth.verifyEmail", given, right, 400)


@asynccontextmanager
async def gateway(config: Config) -> AsyncIterator[Backend]:
    backend = Backend(config)
    try:
        yield backend
    finally:
        await backend.runtime.close()


def as_shipped(text: str) -> str:
    return text


def by_pair(text: str) -> str:
    return text.replace("    failures: 10\n", "    failures: 10\n    scope: account+address\n")


def by_pair_alone(text: str) -> str:
    return "\n".join(line for line in by_pair(text).split("\n") if "everywhere:" not in line)


@pytest.mark.parametrize("edit", [as_shipped, by_pair, by_pair_alone])
async def test_five_wrong_guesses_a_minute_for_ever_do_not_keep_the_owner_out(
    tmp_path: Path, edit: Callable[[str], str]
) -> None:
    async with gateway(shipped(tmp_path, edit)) as backend:
        reasons = set()
        for number in range(int(DAY / 2 / 12)):
            reasons.add(await backend.sign_in(STRANGER))
            backend.now += 12
            if number % 100 == 99:
                assert await backend.sign_in(OWNER, right=True) == "", f"after {number} guesses"
        assert reasons == {"", "account_locked"}
        assert 100 < backend.guesses < 160  # ten before each lock


@pytest.mark.parametrize("pace", [1.0, 12.0, 60.0, 400.0])
async def test_a_stranger_at_any_pace_is_nothing_to_the_owner(tmp_path: Path, pace: float) -> None:
    async with gateway(shipped(tmp_path)) as backend:
        for _ in range(10):
            for _ in range(60):
                await backend.sign_in(STRANGER)
                backend.now += pace
            assert await backend.sign_in(OWNER, right=True) == ""
            assert await backend.sign_in("203.0.113.9") == ""  # and of another stranger only that one is counted


@pytest.mark.parametrize("pattern", ["2001:db8:1:{:x}::1", "198.51.100.{}"])
async def test_all_addresses_of_one_network_do_not_keep_the_owner_out(tmp_path: Path, pattern: str) -> None:
    async with gateway(shipped(tmp_path)) as backend:
        for number in range(1500):
            await backend.sign_in(pattern.format(number % 200 + 1))
            backend.now += 12
            if number % 50 == 49:
                assert await backend.sign_in(OWNER, right=True) == "", f"after {number} guesses"
        assert 33 <= backend.guesses <= 33 * 8


async def test_a_guesser_with_two_hundred_addresses_is_held(tmp_path: Path) -> None:
    addresses = [f"10.{number // 250}.{number % 250}.7" for number in range(200)]
    async with gateway(shipped(tmp_path)) as backend:
        passed = []
        for _ in range(5):  # five hours, each address twice in each
            for address in addresses * 2:
                await backend.sign_in(address)
                backend.now += 9
            passed.append(backend.guesses)
        assert passed[0] >= 100
        # a hundred before each lock: of a minute, a quarter of an hour, and an hour from then on
        assert passed[-1] <= 100 * 7


async def test_a_stranger_does_not_keep_the_owner_from_verifying_and_many_are_held(tmp_path: Path) -> None:
    async with gateway(shipped(tmp_path)) as backend:
        for hour in range(8):
            for _ in range(300):
                await backend.verify(STRANGER)
                backend.now += 12
            assert await backend.verify(OWNER, right=True) == "", f"after {hour} hours"
        assert backend.guesses <= 10 * 9
        backend.guesses = 0
        for number in range(400):
            await backend.verify(f"10.{number // 250}.{number % 250}.7")
            backend.now += 9
        assert 100 <= backend.guesses <= 200


def public_routes() -> list[Route]:
    config = load(ROOT / "upstreams.yaml", SECRETS)
    assert isinstance(config, Config)
    return [
        route for route in config.routes if not route.deny and route.listener == "public" and not route.policies["auth"]
    ]


@pytest.mark.parametrize("route", public_routes(), ids=lambda route: route.name)
async def test_no_limit_of_a_public_route_is_used_up_by_somebody_elsewhere(route: Route, tmp_path: Path) -> None:
    """The stranger sends what the owner sends, until a limit refuses it; the owner's own request passes then."""
    path = f"/api/trpc/{route.procedures[0]}" if route.procedures else route.paths[0]
    fields = CASES[route.procedures[0]].good if route.procedures else {"logs": [], "sig": {"ts": NOON}}
    method = KINDS[route.procedures[0]] if route.procedures else route.methods[-1]
    async with gateway(shipped(tmp_path)) as backend:
        for _ in range(3000):
            if await backend.send(STRANGER, path, fields, right=True, method=method) == "rate_limited":
                break
        else:
            pytest.fail("no limit refused it")
        assert await backend.send(OWNER, path, fields, right=True, method=method) == ""


def test_gateway_check_has_nothing_to_warn_of_in_the_shipped_files(tmp_path: Path) -> None:
    assert [warning for warning in shipped(tmp_path).warnings if "stranger" in warning.sentence] == []


def test_gateway_check_warns_of_what_shipped_before(tmp_path: Path) -> None:
    config = shipped(tmp_path, by_pair_alone)
    assert [warning for warning in config.warnings if "stranger" in warning.sentence] == []
    limits = tmp_path / "policies" / "rate_limits.yaml"
    limits.write_text(limits.read_text().replace('[address, "input:/email"]', '["input:/email"]'))
    lockouts = tmp_path / "policies" / "lockouts.yaml"
    lockouts.write_text(lockouts.read_text().replace("    scope: account+address\n", ""))
    warned = load(tmp_path / "upstreams.yaml", SECRETS)
    assert isinstance(warned, Config)
    assert [warning.path for warning in warned.warnings if "stranger" in warning.sentence] == [
        "lockouts.accounts.scope",
        "lockouts.codes.scope",
        "rate_limits.login-per-account.key",
        "rate_limits.verify-per-account.key",
    ]
