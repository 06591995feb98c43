"""The shipped files at work: the real client, the gateway as it is delivered, the demo backend."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.demo.accounts import ADA_EMAIL, ADA_PASSWORD
from gateway.demo.procedures import PROCEDURES
from gateway.demo.toolkit import DemoToolkit
from gateway.demo.tutor import DemoTutor
from tests.gateway_fixture import SECRET, Running, running_gateway
from tests.policy.upload.made_files import webm
from tests.trpc.gateway_between import LINKS, bearer, expected, seen
from tests.trpc.real_peers import RealClient
from tests.tutor_inputs import CASES

ROOT = Path(__file__).parents[2]
NOTE = "toolkit-unavailable"
KEY = "the-key-of-the-paid-service-in-these-tests"
LOGIN = ("auth.login", {"json": {"email": ADA_EMAIL, "password": ADA_PASSWORD}})
CLOSED = {"auth.resetPassword", "auth.requestPasswordReset", "example.hi"} | {
    name for name in PROCEDURES if name.startswith("tutorData.")
}
# Public in the backend, yet every call of it is a paid one.
OWN = {name for name, row in PROCEDURES.items() if not row.public} | {"learn.getContent"}


class Clock:
    """Unix seconds that only a test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def shipped(tutor: DemoTutor, toolkit: DemoToolkit, clock: Clock) -> AsyncIterator[Running]:
    env = {
        "TUTOR_URL": tutor.url, "TOOLKIT_URL": toolkit.url, "STT_URL": toolkit.url, "TOOLKIT_API_KEY": KEY,
        "GATEWAY_OPS_TOKEN": "an-operators-token-of-more-than-32-bytes",
    }  # fmt: skip
    async with running_gateway(ROOT / "upstreams.yaml", env, wall=clock) as gateway:
        yield gateway


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def tutor(clock: Clock) -> AsyncIterator[DemoTutor]:
    async with DemoTutor(SECRET, wall=clock) as service:
        yield service


@pytest.fixture
async def toolkit() -> AsyncIterator[DemoToolkit]:
    async with DemoToolkit(KEY) as service:
        yield service


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def reached(tutor: DemoTutor) -> dict[str, int]:
    """What has run, but for the gateway's own checks of the backend's health."""
    return {name: count for name, count in tutor.counts.items() if name != "GET /api/health"}


def token(clock: Clock) -> dict[str, str]:
    return bearer(iat=int(clock.now), exp=int(clock.now) + 86_400)


@pytest.mark.parametrize("link", LINKS)
async def test_a_life_in_the_app(
    client: RealClient, tutor: DemoTutor, toolkit: DemoToolkit, clock: Clock, link: str
) -> None:
    async with shipped(tutor, toolkit, clock) as gateway:
        [signed] = await client.call(gateway.url, link, LOGIN)
        pair = signed["data"]["json"]
        own = {"authorization": f"Bearer {pair['accessToken']}"}
        me, lessons = await client.call(gateway.url, link, "auth.getCurrentUser", "lessons.getAll", headers=own)
        assert (me["data"]["json"]["email"], len(lessons["data"]["json"])) == (ADA_EMAIL, 3)
        sent = ("chat.sendMessage", {"json": {"message": "¡Hola!", "language": "es"}})
        [reply] = await client.call(gateway.url, link, sent, headers=own)
        assert reply["data"]["json"]["message"] == "¡Hola!"
        clock.now += 1000  # past the token's 15 minutes
        [late] = await client.call(gateway.url, link, "auth.getCurrentUser", headers=own)
        assert seen(late) == expected("token_expired")
    assert reached(tutor) == {"auth.login": 1, "auth.getCurrentUser": 1, "lessons.getAll": 1, "chat.sendMessage": 1}


@pytest.mark.parametrize("link", LINKS)
async def test_the_sixth_sign_in_of_a_minute(
    client: RealClient, tutor: DemoTutor, toolkit: DemoToolkit, clock: Clock, link: str
) -> None:
    async with shipped(tutor, toolkit, clock) as gateway:
        for _ in range(5):
            [outcome] = await client.call(gateway.url, link, LOGIN)
            assert outcome["event"] == "result"
        [refused] = await client.call(gateway.url, link, LOGIN)
        assert seen(refused) == expected("rate_limited", 12)
        assert tutor.counts["auth.login"] == 5
        clock.now += 12
        [again] = await client.call(gateway.url, link, LOGIN)
        assert again["event"] == "result"


async def test_every_procedure_is_open_closed_or_for_its_user(
    tutor: DemoTutor, toolkit: DemoToolkit, clock: Clock, http: aiohttp.ClientSession
) -> None:
    """All 62: what is refused has not reached the backend, what passes has reached it once."""
    found: dict[str, tuple[str, str]] = {}
    async with shipped(tutor, toolkit, clock) as gateway:

        async def reach(name: str, headers: dict[str, str]) -> str:
            clock.now += 600  # the limits have forgotten the last call
            tutor.counts.clear()
            method = "GET" if PROCEDURES[name].kind == "query" else "POST"
            given = CASES[name].good
            body, query = (None, {"input": json.dumps(given)}) if method == "GET" else (given, {})
            url = f"{gateway.url}/api/trpc/{name}"
            async with http.request(method, url, params=query, json=body, headers=headers) as response:
                error: Any = json.loads(await response.read()).get("error", {}).get("json", {}).get("data", {})
            ran = reached(tutor)
            assert ran in ({}, {PROCEDURES[name].name: 1})
            return "reached" if ran else error["reason"]

        for name in PROCEDURES:
            found[name] = await reach(name, {}), await reach(name, token(clock))
    for name, outcome in found.items():
        if name in CLOSED:
            assert outcome == ("route_denied", "route_denied"), name
        elif name in OWN:
            assert outcome == ("token_missing", "reached"), name
        else:
            assert outcome == ("reached", "reached"), name


async def test_a_batch_of_many_sign_ins_is_refused_whole(
    client: RealClient, tutor: DemoTutor, toolkit: DemoToolkit, clock: Clock
) -> None:
    async with shipped(tutor, toolkit, clock) as gateway:
        several = await client.call(gateway.url, "batch", *[LOGIN] * 3)
        assert [seen(outcome) for outcome in several] == [expected("batch_refused")] * 3
        many = await client.call(gateway.url, "batch", *["lessons.getAll"] * 11)
        assert [seen(outcome) for outcome in many] == [expected("batch_too_large")] * 11
    assert reached(tutor) == {}


@pytest.mark.parametrize("path", ["/api/stt/transcribe", "/api/toolkit/stt/transcribe"])
async def test_speech_goes_to_the_paid_service_with_the_gateways_key(
    tutor: DemoTutor, toolkit: DemoToolkit, clock: Clock, http: aiohttp.ClientSession, path: str
) -> None:
    async with shipped(tutor, toolkit, clock) as gateway:
        for headers, status in (({}, 401), (token(clock), 200)):
            form = aiohttp.FormData()
            form.add_field("audio", webm(), filename="a.webm", content_type="audio/webm;codecs=opus")
            async with http.post(gateway.url + path, data=form, headers=headers) as response:
                assert response.status == status
    assert dict(toolkit.counts) == {"POST /stt/transcribe/": 1}
    [(_, _, fields)] = toolkit.heads
    assert (b"authorization", f"Bearer {KEY}".encode()) in {(name.lower(), value) for name, value in fields}
    assert reached(tutor) == {}


async def test_control_endpoints_are_not_reached_through_the_gateway(
    tutor: DemoTutor, toolkit: DemoToolkit, clock: Clock, http: aiohttp.ClientSession
) -> None:
    async with (
        shipped(tutor, toolkit, clock) as gateway,
        http.get(gateway.url + "/__control/counts", headers=token(clock)) as response,
    ):
        assert (response.status, (await response.json(content_type=None))["reason"]) == (404, "no_route")


@pytest.mark.parametrize(("mode", "status", "by"), [("fail", 500, None), ("reset", 503, NOTE), ("garbage", 503, NOTE)])
async def test_an_ill_paid_service(
    tutor: DemoTutor,
    toolkit: DemoToolkit,
    clock: Clock,
    http: aiohttp.ClientSession,
    mode: str,
    status: int,
    by: str | None,
) -> None:
    toolkit.set_mode(mode)
    url = "/api/toolkit/text/llm"
    async with (
        shipped(tutor, toolkit, clock) as gateway,
        http.post(gateway.url + url, json={"messages": []}, headers=token(clock)) as response,
    ):
        assert (response.status, response.headers.get("x-gateway-fallback")) == (status, by)
        assert ("mock" in await response.json(content_type=None)) is (by is not None)
    assert toolkit.counts["POST /text/llm/"] == 1  # a POST reaches the service at most once
