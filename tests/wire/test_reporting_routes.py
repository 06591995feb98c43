"""A route with ``mode: report``: nothing that its policies would refuse is refused there, all of it is counted and named, and
every other route, also in the same batch, is as strict as ever."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.gateway_fixture import SECRET, Running, running_gateway
from tests.upstream_fixture import Upstream, running_upstream, wire

DAY = "2027-01-31"
ENDS = datetime(2027, 2, 1, tzinfo=UTC).timestamp()
ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  tutor: {endpoints: [{url: "${TUTOR}"}], trpc: {prefix: /api/trpc, max_batch: 3}, paths: {case: same, slash: same, suffix: same}}
defaults: {auth: access, cors: app, rate_limits: [tight], body: json, schema: inputs}
routes:
  - {name: tried, paths: [/tried], methods: [POST], upstream: tutor, lockout: guesses, mode: report, until: UNTIL}
  - {name: strict, paths: [/strict], methods: [POST], upstream: tutor, lockout: guesses}
  - {name: form, paths: [/form], methods: [POST], upstream: tutor, body: forms, upload: picture, mode: report, until: UNTIL}
  - {name: tried-call, procedures: [a.tried], methods: [GET, POST], upstream: tutor, auth: public, mode: report, until: UNTIL}
  - {name: call, procedures: [a.call], methods: [GET, POST], upstream: tutor, auth: public}
  - {name: own, procedures: [a.own], methods: [GET, POST], upstream: tutor}
"""
POLICIES = """\
auth: {access: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}"}}
cors: {app: {origins: ["https://app.example"]}}
rate_limits: {tight: {limit: 3/minute, key: [address]}}
bodies:
  json: {max: 100, types: [application/json]}
  forms: {max: 10KiB, types: [multipart/form-data, application/json]}
uploads: {picture: {parts: {image: {types: [image/png], max: 1KiB, required: true}}}}
schemas: {inputs: {files: "FOLDER/*.json"}}
lockouts: {guesses: {account: /who, failures: 1, everywhere: {failures: 9, within: 1h, lock_for: 1h}}}
"""
WHO: dict[str, object] = {"who": "ada"}
OBJECT = {"type": "object", "properties": {"who": {"type": "string"}, "n": {"type": "integer"}}}


class HandClock:
    """Unix seconds that a test moves."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock(datetime(2027, 1, 31, 12, tzinfo=UTC).timestamp())


@pytest.fixture
async def both(tmp_path: Path, clock: HandClock) -> AsyncIterator[tuple[Running, Upstream]]:
    for name in ("tried", "strict", "form", "a.tried", "a.call", "a.own"):
        (tmp_path / f"{name}.json").write_text(json.dumps(OBJECT))
    async with running_upstream() as upstream:
        entry, policies = ENTRY.replace("UNTIL", DAY), POLICIES.replace("FOLDER", str(tmp_path))
        async with running_gateway(entry, {"TUTOR": upstream.url}, policies=policies, wall=clock) as gateway:
            yield gateway, upstream


def post(path: str, body: object = None, fields: str = "", raw: bytes | None = None) -> bytes:
    content = json.dumps({} if body is None else body).encode() if raw is None else raw
    kind = "" if "content-type" in fields else "content-type: application/json\r\n"
    return f"POST {path} HTTP/1.1\r\nhost: a\r\n{kind}{fields}content-length: {len(content)}\r\n\r\n".encode() + content


async def asked(gateway: Running, data: bytes) -> tuple[int, list[tuple[str, str]]]:
    """The status, and what would have refused it: policy and reason."""
    async with wire(gateway.port) as client:
        status = (await client.ask(data)).status
    reported = gateway.seen.exchanges[-1].reported
    return status, [(policy, one.reason.slug) for one in reported for policy in one.refused_by]


def signed(clock: HandClock) -> str:
    made = jwt.encode({"sub": "ada", "exp": int(ENDS) + 10**6}, SECRET, "HS256")
    return f"authorization: Bearer {made}\r\n"


async def test_what_any_policy_would_refuse_passes_and_is_named(
    both: tuple[Running, Upstream], clock: HandClock
) -> None:
    gateway, upstream = both
    good, form = signed(clock), "content-type: multipart/form-data; boundary=x\r\n"
    rows: list[tuple[bytes, bytes, tuple[str, str]]] = [
        (post("/tried", WHO), post("/strict", WHO), ("auth.access", "token_missing")),
        (
            post("/tried", WHO, good + "origin: https://evil.example\r\n"),
            post("/strict", WHO, good + "origin: https://evil.example\r\n"),
            ("cors.app", "origin_refused"),
        ),
        (
            post("/tried", {"who": "x" * 200}, good),
            post("/strict", {"who": "x" * 200}, good),
            ("bodies.json", "body_too_large"),
        ),
        (
            post("/tried", WHO | {"n": "x"}, good),
            post("/strict", WHO | {"n": "x"}, good),
            ("schemas.inputs", "schema_refused"),
        ),
    ]
    for tried, strict, (policy, reason) in rows:
        clock.advance(61)
        assert await asked(gateway, tried) == (200, [(policy, reason)])
        status, reported = await asked(gateway, strict)
        assert status >= 400 and reported == [] and gateway.seen.exchanges[-1].reason == reason
    clock.advance(61)
    status, reported = await asked(gateway, post("/form", fields=good + form, raw=b"no form"))
    assert (status, reported) == (200, [("uploads.picture", "upload_malformed")])
    assert [one.line.split()[1] for one in upstream.requests] == [b"/tried"] * 4 + [b"/form"]


async def test_limits_and_lockouts_count_as_ever_and_only_the_others_refuse(
    both: tuple[Running, Upstream], clock: HandClock
) -> None:
    gateway, _ = both
    good = signed(clock)
    for _ in range(3):
        assert await asked(gateway, post("/tried", WHO, good)) == (200, [])
    assert await asked(gateway, post("/tried", WHO, good)) == (200, [("rate_limits.tight", "rate_limited")])
    assert (await asked(gateway, post("/strict", WHO, good)))[0] == 429


async def test_a_wrong_guess_there_counts_and_locks_where_it_is_enforced(
    both: tuple[Running, Upstream], clock: HandClock
) -> None:
    gateway, upstream = both
    upstream.response = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"
    good = signed(clock)
    assert await asked(gateway, post("/tried", WHO, good)) == (401, [])
    assert await asked(gateway, post("/tried", WHO, good)) == (401, [("lockouts.guesses", "account_locked")])
    assert (await asked(gateway, post("/strict", WHO, good)))[0] == 429
    assert gateway.seen.exchanges[-1].reason == "account_locked"


async def test_when_its_day_is_over_the_route_is_enforced(tmp_path: Path, clock: HandClock) -> None:
    for name in ("tried", "strict", "form", "a.tried", "a.call", "a.own"):
        (tmp_path / f"{name}.json").write_text(json.dumps(OBJECT))
    clock.at = ENDS
    async with running_upstream() as upstream:
        entry, policies = ENTRY.replace("UNTIL", DAY), POLICIES.replace("FOLDER", str(tmp_path))
        async with running_gateway(entry, {"TUTOR": upstream.url}, policies=policies, wall=clock) as gateway:
            assert await asked(gateway, post("/tried", WHO)) == (401, [])


def batch(*calls: tuple[str, Any]) -> bytes:
    names = ",".join(name for name, _ in calls)
    return post(f"/api/trpc/{names}?batch=1", {str(index): {"json": value} for index, (_, value) in enumerate(calls)})


async def test_in_a_batch_calls_of_other_routes_are_judged_as_ever_and_those_of_this_one_reported(
    both: tuple[Running, Upstream], clock: HandClock
) -> None:
    gateway, _ = both
    bad, good = {"n": "x"}, {"n": 1}
    rows: list[tuple[bytes, int, list[tuple[str, str]]]] = [
        (batch(("a.tried", bad), ("a.call", good)), 200, [("schemas.inputs", "schema_refused")]),
        (batch(("a.tried", good), ("a.call", bad)), 400, []),
        (batch(("a.tried", bad), ("a.tried", good)), 200, [("schemas.inputs", "schema_refused")]),
        (batch(("a.call", bad)), 400, []),
        (batch(("a.tried", bad)), 200, [("schemas.inputs", "schema_refused")]),
        # a token that the other route needs, and an origin that it refuses
        (batch(("a.tried", good), ("a.own", good)), 401, []),
        (
            batch(("a.tried", good), ("a.call", good)).replace(b"host: a", b"host: a\r\norigin: https://evil.example"),
            403,
            [],
        ),
        # the size is of the whole request, and the other route bounds it
        (batch(("a.tried", {"who": "x" * 200}), ("a.call", good)), 413, []),
        # what tRPC itself bounds is no policy of the route
        (batch(*[("a.tried", good)] * 4), 400, []),
    ]
    for data, status, reported in rows:
        clock.advance(600)
        assert await asked(gateway, data) == (status, reported), data


async def test_in_a_batch_a_limit_counts_all_calls_and_refuses_for_those_that_enforce_it(
    both: tuple[Running, Upstream], clock: HandClock
) -> None:
    gateway, _ = both
    two, mixed = batch(("a.tried", {}), ("a.tried", {})), batch(("a.tried", {}), ("a.call", {}))
    assert await asked(gateway, two) == (200, [])
    assert await asked(gateway, two) == (200, [("rate_limits.tight", "rate_limited")])
    assert (await asked(gateway, mixed)) == (
        200,
        [("rate_limits.tight", "rate_limited")],
    )  # one unit is left, for a.call
    status, _ = await asked(gateway, mixed)
    assert status == 429


async def test_a_body_that_is_read_whole_has_a_bound_whatever_is_tried_out(
    both: tuple[Running, Upstream], clock: HandClock
) -> None:
    gateway, upstream = both
    good = signed(clock)
    many = b'{"who": "%b"}' % (b"x" * (4 * 2**20))
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(many), many)
    head = f"POST /tried HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{good}".encode()
    for data in (
        head + b"content-length: %d\r\n\r\n" % len(many) + many,
        head + b"transfer-encoding: chunked\r\n\r\n" + chunks,
    ):
        clock.advance(61)
        status, _ = await asked(gateway, data)
        assert status == 413 and gateway.seen.exchanges[-1].reason == "body_too_large"
    assert upstream.requests == []
