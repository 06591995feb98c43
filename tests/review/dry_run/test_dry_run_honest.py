"""A dry run and a gateway on real sockets respond alike: the same status, reason, fields and body to the same bytes."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest

from gateway.demo import hs256
from gateway.policy.auth.auth import Settings
from gateway.review.dry_run.claims import completed
from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.response import ReadResponse
from gateway.review.dry_run.trace import PASS
from tests.gateway_fixture import SECRET, Running, running_gateway
from tests.review.dry_run.backend import Backend
from tests.review.dry_run.configs import NOON, ROOT
from tests.review.dry_run.requests import GROUPS, Sent
from tests.upstream_fixture import running_upstream

pytestmark = pytest.mark.no_cover  # hundreds of requests, of which the tests of each part count the lines

ID = re.compile(rb"[0-9a-f]{32}")
_OF_EACH = frozenset((b"date", b"x-request-id", b"x-correlation-id", b"via"))


class Both:
    """One configuration, served twice."""

    def __init__(self, gateway: Running, backend: Backend) -> None:
        self.gateway = gateway
        self.backend = backend
        self.dry_run = DryRun(gateway.config, at=NOON)
        policy = gateway.config.policies["auth"]["access-token"]
        assert isinstance(policy, Settings)
        self.policy = policy

    async def real(self, sent: Sent, now: float) -> tuple[int, str, list[tuple[bytes, bytes]], bytes]:
        """Status, reason, fields and body over a socket."""
        self.backend.response = sent.response
        claims = sent.request.claims
        token = hs256.sign(completed(claims, self.policy, now), SECRET).encode() if claims is not None else b""
        before = len(self.gateway.seen.exchanges)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port, limit=2**20)
        writer.write(sent.request.octets([(b"authorization", b"Bearer " + token)] if token else []))
        octets = bytearray()
        async with asyncio.timeout(5):
            while True:
                piece = await reader.read(2**16)
                octets += piece
                if not piece or (octets and ReadResponse(bytes(octets), sent.request.method).whole):
                    break
        writer.close()
        response = ReadResponse(bytes(octets), sent.request.method)
        async with asyncio.timeout(5):
            while len(self.gateway.seen.exchanges) == before:
                await asyncio.sleep(0)
        return response.status, self.gateway.seen.exchanges[-1].reason or PASS, list(response.fields), response.body


def comparable(fields: list[tuple[bytes, bytes]]) -> Counter[tuple[bytes, bytes]]:
    return Counter((name, b"" if name in _OF_EACH else value) for name, value in fields)


@pytest.mark.parametrize("group", GROUPS)
async def test_it_responds_as_the_gateway_does(group: str, caplog: pytest.LogCaptureFixture) -> None:
    backend = Backend()
    now = NOON
    async with running_upstream(script=backend.talk) as upstream:
        urls = dict.fromkeys(("TUTOR_URL", "TOOLKIT_URL", "STT_URL"), upstream.url)
        env = {**urls, "TOOLKIT_API_KEY": "key-of-a-toolkit", "GATEWAY_OPS_TOKEN": "x" * 40}
        async with running_gateway(Path(ROOT / "upstreams.yaml"), env, wall=lambda: now) as gateway:
            both = Both(gateway, backend)
            for sent in GROUPS[group]():
                now += sent.after
                both.dry_run.clock.advance(max(0.0, now - both.dry_run.clock.wall()))
                status, reason, fields, body = await both.real(sent, now)
                found = both.dry_run.run(sent.request, sent.response)
                what = (sent.request.method, sent.request.target[:100], sent.request.pairs, sent.request.body[:60])
                assert (found.status, found.verdict) == (status, reason), what
                assert ID.sub(b"ID", found.body) == ID.sub(b"ID", body), what
                assert comparable(list(found.fields)) == comparable(fields), what


def test_the_requests_are_many_and_end_in_many_ways() -> None:
    everything = [sent for group in GROUPS.values() for sent in group()]
    assert len(everything) > 400
