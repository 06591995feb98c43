"""Responses that a stage sees before they are passed on: small, in pieces, large, cut off; the client gets them whole."""

import asyncio

import pytest
from aiohttp import ClientError, ClientSession

from tests.gateway_fixture import Running, running_gateway
from tests.upstream_fixture import Upstream, running_upstream

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  tutor: {endpoints: [{url: "${TUTOR}"}], timeouts: {response: 300ms}}
routes:
  - {name: login, paths: [/login], methods: [GET, POST], upstream: tutor, auth: public, lockout: accounts, body: json}
"""
POLICIES = """\
bodies:
  json: {max: 64KiB, types: [application/json]}
lockouts:
  accounts: {account: /email, failures: 2, within: 1h, lock_for: 1h, address: null}
"""
HEAD = b"HTTP/1.1 %d X\r\ncontent-type: text/plain\r\n"


def whole(status: int, body: bytes) -> bytes:
    return HEAD % status + b"content-length: %d\r\n\r\n" % len(body) + body


def chunked(status: int, *pieces: bytes) -> bytes:
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return HEAD % status + b"transfer-encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


async def login(gateway: Running, body: bytes = b'{"email":"ada@x.y"}') -> tuple[int, bytes]:
    headers = {"content-type": "application/json"}
    async with (
        ClientSession() as session,
        session.post(f"{gateway.url}/login", data=body, headers=headers) as response,
    ):
        return response.status, await response.read()


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (whole(401, b"no"), b"no"),
        (whole(401, b""), b""),
        (chunked(401, b"n", b"o"), b"no"),
        (whole(401, b"n" * 70_000), b"n" * 70_000),
        (chunked(401, b"n" * 60_000, b"o" * 60_000), b"n" * 60_000 + b"o" * 60_000),
        (whole(401, b"n" * 1_000_000), b"n" * 1_000_000),
        (HEAD % 401 + b"connection: close\r\n\r\nno", b"no"),
    ],
)
async def test_the_client_gets_what_was_said_and_the_failure_counts(sent: bytes, body: bytes) -> None:
    async with running_upstream() as upstream:
        upstream.response = sent

        async def script(_: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await upstream.read(reader)
            writer.write(sent)
            await writer.drain()

        if b"connection: close" in sent:
            upstream.script = script
        async with running_gateway(ENTRY, {"TUTOR": upstream.url}, policies=POLICIES) as gateway:
            assert await login(gateway) == (401, body)
            assert await login(gateway) == (401, body)
            assert (await login(gateway))[0] == 429
            assert gateway.seen.exchanges[0].bytes_out == len(body)


async def test_a_response_that_ends_early_is_cut_and_counts_by_its_status() -> None:
    async with running_upstream() as upstream:

        async def script(_: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await upstream.read(reader)
            writer.write(HEAD % 401 + b"content-length: 100000\r\n\r\n" + b"n" * 70_000)
            await writer.drain()

        upstream.script = script
        async with running_gateway(ENTRY, {"TUTOR": upstream.url}, policies=POLICIES) as gateway:
            for _ in range(2):
                with pytest.raises(ClientError):
                    await login(gateway)
            assert (await login(gateway))[0] == 429
            assert gateway.seen.exchanges[0].reason == "upstream_broken"


async def test_a_timeout_keeps_the_attempt_spent_and_locks_nothing() -> None:
    async with running_upstream() as upstream:

        async def silent(_: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await upstream.read(reader)
            await reader.read()

        upstream.script = silent
        async with running_gateway(ENTRY, {"TUTOR": upstream.url}, policies=POLICIES) as gateway:
            assert [(await login(gateway))[0] for _ in range(3)] == [504, 504, 429]
            assert list(gateway.store.locks(2e9, 10)) == []


async def test_a_store_that_fails_is_an_error_and_no_way_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError

    async with (
        running_upstream() as upstream,
        running_gateway(ENTRY, {"TUTOR": upstream.url}, policies=POLICIES) as gateway,
    ):
        monkeypatch.setattr(gateway.store, "settle", fails)
        assert (await login(gateway))[0] == 500
        monkeypatch.setattr(gateway.store, "reserve", fails)
        assert (await login(gateway))[0] == 500
        assert len(upstream.requests) == 1


async def test_fields_that_steer_the_form_of_the_response_are_not_forwarded() -> None:
    async with running_upstream() as upstream:
        async with (
            running_gateway(ENTRY, {"TUTOR": upstream.url}, policies=POLICIES) as gateway,
            ClientSession() as session,
        ):
            headers = {"content-type": "application/json", "trpc-accept": "application/jsonl", "range": "bytes=0-1"}
            await session.post(f"{gateway.url}/login", data=b'{"email":"a@x.y"}', headers=headers)
        names = {name.lower() for name, _ in upstream.requests[0].fields}
        assert not names & {b"accept-encoding", b"range"}
        assert b"trpc-accept" in names


async def test_an_event_stream_is_not_collected() -> None:
    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n")
        await reader.read()

    async with (
        running_upstream(script=script) as upstream,
        running_gateway(ENTRY, {"TUTOR": upstream.url}, policies=POLICIES) as gateway,
        ClientSession() as session,
        asyncio.timeout(5),
        session.post(
            gateway.url + "/login", data=b'{"email":"ada@x.y"}', headers={"content-type": "application/json"}
        ) as response,
    ):
        assert await response.content.readuntil(b"\n\n") == b"data: 1\n\n", "the first event when it comes"
