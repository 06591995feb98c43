"""Every procedure of the tutor behind the shipped policies: the real client, a good input and a bad one, alone and in batches,
beside what the backend itself says to them."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.procedures import PROCEDURES
from tests.gateway_fixture import Running, running_gateway
from tests.trpc.gateway_between import bearer
from tests.trpc.real_peers import Node, RealClient
from tests.tutor_inputs import CASES, WITHOUT_INPUT

ROOT = Path(__file__).parents[2]
WITH_INPUT = {name: case for name, case in CASES.items() if case is not WITHOUT_INPUT}


class Clock:
    """Unix seconds, ten minutes later each time somebody is to begin anew with every limit."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def opened(folder: Path, url: str, clock: Clock) -> AsyncIterator[Running]:
    """The shipped files before the backend at ``url``, their closed procedures open: so each schema can be seen at work."""
    shutil.copytree(ROOT / "policies", folder / "policies")
    lines = (ROOT / "upstreams.yaml").read_text().splitlines()
    (folder / "upstreams.yaml").write_text(
        "\n".join("    upstream: tutor" if line.startswith("    deny: ") else line for line in lines)
    )
    env = {"TUTOR_URL": url, "TOOLKIT_API_KEY": "none", "GATEWAY_OPS_TOKEN": "an-operators-token-of-more-than-32-bytes"}
    async with running_gateway(folder / "upstreams.yaml", env, wall=clock) as gateway:
        yield gateway


def batches(gateway: Running) -> Iterator[list[str]]:
    """The procedures that may share a request, in batches of ten at most, queries and mutations apart."""
    alone = {name for route in gateway.config.routes if route.batch == "deny" for name in route.procedures}
    aliases = gateway.config.upstreams["tutor"].trpc
    assert aliases is not None
    for kind in ("query", "mutation"):
        names = [
            name
            for name, row in PROCEDURES.items()
            if row.kind == kind and aliases.aliases.get(name, name) not in alone
        ]
        yield from (names[start : start + 10] for start in range(0, len(names), 10))


async def one(client: RealClient, url: str, name: str, sent: Any, clock: Clock, link: str = "batch") -> dict[str, Any]:
    clock.now += 600
    headers = bearer(iat=int(clock.now), exp=int(clock.now) + 900)
    [outcome] = await client.call(url, link, (name, sent), headers=headers)
    return outcome


def zod_error(outcome: dict[str, Any]) -> Any:
    """Where an app's form reads it: ``err.data.zodError``."""
    assert outcome["event"] == "error", outcome
    return outcome["error"]["data"]["zodError"]


def holds(echoed: Any, sent: Any) -> bool:
    """Whether what a procedure has read is what was sent, with the defaults of the backend."""
    if isinstance(sent, dict):
        return isinstance(echoed, dict) and all(name in echoed and holds(echoed[name], sent[name]) for name in sent)
    return bool(echoed == sent)


@pytest.fixture
async def gateway(tutor_process: Node, tmp_path: Path) -> AsyncIterator[tuple[Running, Clock]]:
    clock = Clock()
    async with opened(tmp_path, f"http://127.0.0.1:{tutor_process.port}", clock) as running:
        yield running, clock


def test_the_cases_are_of_all_procedures() -> None:
    assert set(CASES) == set(PROCEDURES) and len(CASES) == 62
    assert len(WITH_INPUT) == 50


async def test_a_good_input_of_every_procedure_reaches_it_unchanged(
    client: RealClient, gateway: tuple[Running, Clock]
) -> None:
    running, clock = gateway
    for name, case in CASES.items():
        outcome = await one(client, running.url, name, case.good, clock)
        assert outcome["event"] == "result", (name, outcome)
        assert holds(outcome["data"]["json"]["input"], case.good["json"]), name


async def test_a_bad_input_of_every_procedure_is_refused_with_the_fields_that_its_form_reads(
    client: RealClient, gateway: tuple[Running, Clock], tutor_process: Node
) -> None:
    running, clock = gateway
    for name, case in CASES.items():
        outcome = await one(client, running.url, name, case.bad, clock)
        found = zod_error(outcome)
        data = outcome["error"]["data"]
        assert (data["reason"], data["code"], data["httpStatus"]) == ("schema_refused", "BAD_REQUEST", 400), name
        assert outcome["error"]["rpcCode"] == -32600, name
        assert data["issues"][0]["path"][:1] == ([case.field] if case.field else []), name
        if case is WITHOUT_INPUT:
            assert found["formErrors"] and not found["fieldErrors"], name
            continue
        assert all(sentence and isinstance(sentence, str) for sentence in found["fieldErrors"][case.field]), name
        direct = zod_error(await one(client, f"http://127.0.0.1:{tutor_process.port}", name, case.bad, clock))
        assert set(found) == set(direct), name
        assert set(found["fieldErrors"]) == set(direct["fieldErrors"]) == {case.field}, name
        assert bool(found["formErrors"]) == bool(direct["formErrors"]), name
    assert set(running.seen.reasons) == {"schema_refused"}


async def test_an_existing_form_shows_the_sentence(client: RealClient, gateway: tuple[Running, Clock]) -> None:
    running, clock = gateway
    for link in ("http", "batch"):
        outcome = await one(client, running.url, "auth.login", CASES["auth.login"].bad, clock, link)
        assert outcome["error"]["data"]["zodError"]["fieldErrors"]["email"][0] == "Enter a valid email address."
    weak = await one(client, running.url, "auth.signup", CASES["auth.signup"].bad, clock)
    assert zod_error(weak)["fieldErrors"]["password"] == ["Password must contain an uppercase letter"]


async def test_batches_pass_whole_and_one_bad_call_refuses_its_batch(
    client: RealClient, gateway: tuple[Running, Clock]
) -> None:
    """All calls of the batch learn why, and which of them it was."""
    running, clock = gateway
    sent = 0
    for names in batches(running):
        clock.now += 600
        headers = bearer(iat=int(clock.now), exp=int(clock.now) + 900)
        good = [(name, CASES[name].good) for name in names]
        outcomes = await client.call(running.url, "batch", *good, headers=headers)
        assert [outcome["event"] for outcome in outcomes] == ["result"] * len(names), names
        at = len(names) // 2
        clock.now += 600
        headers = bearer(iat=int(clock.now), exp=int(clock.now) + 900)
        mixed = [*good[:at], (names[at], CASES[names[at]].bad), *good[at + 1 :]]
        outcomes = await client.call(running.url, "batch", *mixed, headers=headers)
        assert [outcome["error"]["data"]["reason"] for outcome in outcomes] == ["schema_refused"] * len(names)
        [call] = {issue["call"] for issue in outcomes[0]["error"]["data"]["issues"]}
        assert call == at
        field = CASES[names[at]].field
        assert list(zod_error(outcomes[0])["fieldErrors"]) == ([field] if field else []), names[at]
        sent += len(names)
    assert sent == 62 - 7, "what carries a password or a code travels alone"


GOALS = ["travel", "food"]
HONEST = {  # as an app may write it, and as the docs say to write it instead: docs/policies/schemas.md, "What JSON is read"
    "one list at two places": (
        {"json": {"a": GOALS, "b": GOALS}, "meta": {"referentialEqualities": {"a": ["b"]}}},
        {"json": {"a": GOALS, "b": GOALS}},
    ),
    "a date in a record of anything": (
        {"json": {"at": "2026-01-02T03:04:05.678Z"}, "meta": {"values": {"at": ["Date"]}}},
        {"json": {"at": "2026-01-02T03:04:05.678Z"}},
    ),
    "zero with a sign": ({"json": {"n": "-0"}, "meta": {"values": {"n": ["number"]}}}, {"json": {"n": 0}}),
    "a set": ({"json": {"a": GOALS}, "meta": {"values": {"a": ["set"]}}}, {"json": {"a": GOALS}}),
    "undefined in a list": ({"json": {"a": [None]}, "meta": {"values": {"a.0": ["undefined"]}}}, {"json": {"a": []}}),
    "half an emoji": ({"json": {"a": "\ud83d"}}, {"json": {"a": "\U0001f600"}}),
    "a large integer": ({"json": {"a": 2**64}}, {"json": {"a": str(2**64)}}),
}


@pytest.mark.parametrize("link", ["http", "batch"])
async def test_what_an_app_has_to_write_otherwise(
    client: RealClient, gateway: tuple[Running, Clock], link: str
) -> None:
    """Each is refused as the app might write it, and passes in the way that the docs name."""
    running, clock = gateway
    for kind, (refused, passes) in HONEST.items():
        outcome = await one(client, running.url, "analytics.trackEvent", tracked(refused), clock, link)
        assert outcome["event"] == "error" and outcome["error"]["data"]["reason"] == "json_malformed", kind
        outcome = await one(client, running.url, "analytics.trackEvent", tracked(passes), clock, link)
        assert outcome["event"] == "result", (kind, outcome)
        assert outcome["data"]["json"]["input"] == tracked(passes)["json"], kind


@pytest.mark.parametrize("link", ["http", "batch"])
async def test_undefined_under_a_name_with_a_dot(client: RealClient, gateway: tuple[Running, Clock], link: str) -> None:
    running, clock = gateway
    sent = tracked({"json": {"utm.source": None, "b": 1}, "meta": {"values": {"utm\\.source": ["undefined"]}}})
    outcome = await one(client, running.url, "analytics.trackEvent", sent, clock, link)
    assert outcome["event"] == "result", outcome
    assert outcome["data"]["json"]["input"]["properties"]["b"] == 1


def tracked(properties: dict[str, Any]) -> dict[str, Any]:
    """An event with ``properties``, which are a superjson value, as one."""
    meta = {
        kind: {
            f"properties.{path}": [f"properties.{each}" for each in value] if kind == "referentialEqualities" else value
            for path, value in paths.items()
        }
        for kind, paths in properties.get("meta", {}).items()
    }
    whole = {"json": {"event": "e", "properties": properties["json"]}}
    return {**whole, "meta": meta} if meta else whole
