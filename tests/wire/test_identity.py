"""The names by which backends are told who is asking, of many vendors, as a client may forge them: none reaches the backend."""

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.policy.base.tools import NoEvents
from tests.gateway_fixture import Running, running_gateway
from tests.upstream_fixture import Upstream, running_upstream, wire

ROOT = Path(__file__).parents[2]
SECRETS = {name: "mB4kQ9zR-2wXv7Lt0yGhD5sPn8Ec1aUj6oIf3rTq" for name in ("TOOLKIT_API_KEY", "GATEWAY_OPS_TOKEN")}
LIE = b"203.0.113.7-lie"

NAMES = (Path(__file__).parent / "identity_names.txt").read_text().split()
SPELLINGS = {
    "as written": str,
    "title": str.title,
    "capitals": str.upper,
    "underscores": lambda name: name.replace("-", "_"),
    "one underscore": lambda name: name.replace("-", "_", 1),
    "dots": lambda name: name.replace("-", "."),
    "capitals and underscores": lambda name: name.upper().replace("-", "_"),
}
AT_ONCE = 60  # fields of one request, of the 128 that a head may have


@contextlib.asynccontextmanager
async def shipped(folder: Path) -> AsyncIterator[tuple[Running, Upstream]]:
    shutil.copytree(ROOT / "policies", folder / "policies")
    shutil.copy(ROOT / "upstreams.yaml", folder)
    async with running_upstream() as upstream:
        env = {**SECRETS, "TUTOR_URL": upstream.url}
        async with running_gateway(folder / "upstreams.yaml", env) as gateway:
            yield gateway, upstream


def test_the_list_is_long() -> None:
    assert len(set(NAMES)) == len(NAMES) > 250


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_forged_identity_reaches_the_shipped_backend(spelling: str, tmp_path: Path) -> None:
    """On one connection, so that heads that differ only in some fields follow each other."""
    spell = SPELLINGS[spelling]
    async with shipped(tmp_path) as (gateway, upstream), wire(gateway.port) as client:
        for start in range(0, len(NAMES), AT_ONCE):
            lines = b"".join(b"%b: %b\r\n" % (spell(name).encode(), LIE) for name in NAMES[start : start + AT_ONCE])
            for token in (b"", b"traceparent: 00-1-1-00\r\n", b"traceparent: 00-2-2-00\r\n"):
                head = b"GET /api/info HTTP/1.1\r\nhost: gateway\r\naccept: */*\r\n" + token + lines + b"\r\n"
                assert (await client.ask(head)).status == 200
        received = [one for one in upstream.requests if b"info" in one.line]
        assert len(received) == 3 * -(-len(NAMES) // AT_ONCE)
        for request in received:
            assert all(LIE not in value for _, value in request.fields), request.fields
            assert request.all(b"accept") == [b"*/*"] and request.all(b"x-forwarded-for") == [b"127.0.0.1"]


async def test_what_this_app_sends_reaches_the_shipped_backend(tmp_path: Path) -> None:
    sent = (
        b"accept accept-language accept-encoding content-type user-agent authorization cookie x-correlation-id x-session-id "
        b"trpc-accept x-trpc-source priority sec-fetch-mode sec-ch-ua-platform range referer traceparent cache-control"
    ).split()
    async with shipped(tmp_path) as (gateway, upstream), wire(gateway.port) as client:
        lines = b"".join(name + b": 12345678\r\n" for name in sent)
        assert (await client.ask(b"GET /api/info HTTP/1.1\r\nhost: gateway\r\n" + lines + b"\r\n")).status == 200
        (request,) = [one for one in upstream.requests if b"info" in one.line]
        assert [name for name in sent if request.all(name) != [b"12345678"]] == []


class Events(NoEvents):
    """Events that are kept."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, object]]] = []

    def event(self, name: str, **fields: object) -> None:
        self.seen.append((name, fields))


ENTRY = """\
version: 1
upstreams:
  tutor: {endpoints: [{url: "URL"}], request_headers: {pass: [x-app-*]}}
routes:
  - {name: info, paths: [/info], upstream: tutor, auth: public}
"""


async def test_a_field_that_stays_behind_is_an_event_once() -> None:
    events = Events()
    async with (
        running_upstream() as upstream,
        running_gateway(ENTRY.replace("URL", upstream.url), events=events) as gateway,
        wire(gateway.port) as client,
    ):
        for number in range(4):
            lines = b"x-odd: 1\r\nx-made-up-%d: 1\r\nx-user-id: 1\r\nx-app-build: 7\r\nx-app-user: 1\r\n" % (number % 2)
            assert (await client.ask(b"GET /info HTTP/1.1\r\nhost: gateway\r\n" + lines + b"\r\n")).status == 200
    assert all(request.all(b"x-app-build") == [b"7"] for request in upstream.requests)
    assert all(request.all(b"x-app-user") == [] for request in upstream.requests)
    assert events.seen == [
        ("header_withheld", {"upstream": "tutor", "header": header})
        for header in ("x-odd", "x-made-up-0", "x-app-user", "x-made-up-1")
    ]
