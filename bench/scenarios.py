"""What is measured, as a table."""

from __future__ import annotations

from dataclasses import dataclass

from bench.bodies import FORM, JSON, OCTETS

BARE, POLICIES, LOGGED, REDIS, TWO = "bare", "policies", "policies+log", "redis", "two-workers"
"""How a contestant is set up. Only the gateway has the last two."""

MODES = {
    BARE: "nothing checked, no access log",
    POLICIES: "JWT HS256, CORS allow-list, limit by address, answer headers",
    LOGGED: "the same, access log to a file",
    REDIS: "the same with log, limits kept in Redis",
    TWO: "the same with log, two workers on all cores",
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One load on one set-up."""

    name: str
    title: str
    mode: str
    connections: int
    method: str = "GET"
    path: str = "/api/items"
    body: int = 0
    """Bytes sent with each request."""
    content: str = OCTETS
    """What the body is: see bench.bodies."""
    judged: bool = False
    """Somebody looks into the body: strict JSON and its schema, or a form and the recording in it. Only the gateway does."""
    tokens: str = "good"
    """Or ``bad``: signed with another key."""
    refused: bool = False
    """Every answer is to be a refusal."""
    bulk: bool = False
    """Large bodies: bytes per second count."""
    quick: bool = False
    """In ``QUICK=1`` too."""


JUDGED = {"json-judged": "json", "form-judged": "form"}
"""Scenarios in which the gateway looks into what the others beside them pass on."""

SCENARIOS = (
    Scenario("bare-32", "Bare proxying, 32 connections", BARE, 32, quick=True),
    Scenario("policies-1", "All policies, 1 connection", POLICIES, 1),
    Scenario("policies-32", "All policies, 32 connections", POLICIES, 32, quick=True),
    Scenario("policies-256", "All policies, 256 connections", POLICIES, 256),
    Scenario("policies-1000", "All policies, 1000 connections", POLICIES, 1000),
    Scenario("post-16k", "POST of 16 KiB, 32 connections", POLICIES, 32, "POST", "/api/upload", 16384),
    Scenario("download", "Download of 10 MB, 4 connections", POLICIES, 4, path="/api/file", bulk=True, quick=True),
    Scenario("upload", "Upload of 10 MB, 4 connections", POLICIES, 4, "POST", "/api/upload", 10_000_000, bulk=True),
    Scenario("json", "POST of 1 KiB of JSON, 32 connections", POLICIES, 32, "POST", "/api/json", 1024, JSON),
    Scenario(
        "json-judged",
        "POST of 1 KiB of JSON, judged by a schema",
        POLICIES,
        32,
        "POST",
        "/judged/json",
        1024,
        JSON,
        judged=True,
    ),
    Scenario(
        "form",
        "Recording of 10 MB in a form, 4 connections",
        POLICIES,
        4,
        "POST",
        "/api/form",
        10_000_000,
        FORM,
        bulk=True,
    ),
    Scenario(
        "form-judged",
        "Recording of 10 MB, looked into while it arrives",
        POLICIES,
        4,
        "POST",
        "/judged/form",
        10_000_000,
        FORM,
        judged=True,
        bulk=True,
    ),
    Scenario("bad-tokens", "Flood of bad tokens, 32 connections", POLICIES, 32, tokens="bad", refused=True, quick=True),
    Scenario("too-many", "Flood over the limit, 32 connections", POLICIES, 32, path="/tight/items", refused=True),
    Scenario("log-1", "All policies and access log, 1 connection", LOGGED, 1, quick=True),
    Scenario("log-32", "All policies and access log, 32 connections", LOGGED, 32, quick=True),
    Scenario("log-256", "All policies and access log, 256 connections", LOGGED, 256, quick=True),
    Scenario("log-1000", "All policies and access log, 1000 connections", LOGGED, 1000),
    Scenario("redis-32", "Limits in Redis, 32 connections", REDIS, 32, quick=True),
    Scenario("two-32", "Two workers, 32 connections", TWO, 32),
    Scenario("two-256", "Two workers, 256 connections", TWO, 256, quick=True),
)
