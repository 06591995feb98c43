"""What costs a client nothing to send costs the gateway no more than milliseconds to refuse: over sockets, all of it."""

from __future__ import annotations

import contextlib
import json
import re
from time import process_time

import pytest

from tests.data_plane_fixture import ENTRY
from tests.gateway_fixture import POLICIES, running_gateway
from tests.processor_time import slowdown, undisturbed
from tests.upstream_fixture import OK, running_upstream
from tests.wire.raw_client import HOST, connected, head, login, read_to_end, reason_of, send

LOCKED = "lockouts:\n  accounts: {account: /email}\n"
CLOSE = b"connection: close\r\n"
MOST = 0.1  # seconds of processor time of both sides; the first two took 0.4 and 0.9


def typed(media_type: bytes) -> bytes:
    return (
        head(
            b"POST /api/trpc/auth.login HTTP/1.1",
            HOST + CLOSE + b"content-length: 2\r\ncontent-type: %b\r\n" % media_type,
        )
        + b"{}"
    )


def posted(body: bytes) -> bytes:
    return login(CLOSE + b"content-length: %d\r\n" % len(body), body)


def named(account: str) -> bytes:
    return posted(json.dumps({"json": {"email": account, "password": "p"}}, ensure_ascii=False).encode())


ATTACKS = {
    "a-quoted-string-that-never-ends": (typed(b'application/json;,"' + b'\\"' * 3900), "media_type_refused"),
    "an-account-of-marks": (named("\u0315\u0300" * 15_500), "body_malformed"),
    "an-account-that-grows": (named("\ufdfa" * 20_000), "body_malformed"),
    "an-account-of-320-that-grow": (named("\ufdfa" * 320), "body_malformed"),
    "a-body-of-empty-objects": (posted(b'{"json":{"email":"a","x":[' + b"{}," * 20_000 + b"1]}}"), "body_malformed"),
    "chunks-of-one-byte": (login(b"transfer-encoding: chunked\r\n", b"1\r\n{\r\n" * 60_000), "head_malformed"),
    "a-connection-of-commas": (head(b"GET /api/info HTTP/1.1", HOST + b"connection: close" + b"," * 7000 + b"\r\n"), "head_malformed"),
    "a-query-of-separators": (head(b"GET /api/trpc/auth.login?" + b"%26&" * 1900 + b" HTTP/1.1", HOST + CLOSE), "body_malformed"),
    "a-broken-triplet-behind-text": (head(b"GET /api/trpc/auth.login?" + b"a" * 7000 + b"%C3 HTTP/1.1", HOST + CLOSE), "path_ambiguous"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
async def test_what_once_took_a_second_takes_next_to_nothing(name: str):
    data, reason = ATTACKS[name]
    async with running_upstream(OK) as upstream:
        entry = ENTRY.format(url=upstream.url, response="2s", header_timeout="10s", body_timeout="10s")
        entry = entry.replace("upstream: tutor, auth: public}", "upstream: tutor, auth: public, lockout: accounts}", 1)
        entry = re.sub(r"limits: \{.*\}", "limits: {header_bytes: 16KiB}", entry)
        policies = POLICIES.replace("response_headers:\n", "  any: {max: 50MB}\nresponse_headers:\n") + LOCKED
        async with running_gateway(entry, policies=policies) as gateway:
            with contextlib.closing(await connected(gateway.port)) as sock, undisturbed():
                began = process_time()
                await send(sock, data)
                transcript = await read_to_end(sock)
                taken = process_time() - began
            assert gateway.seen.events == []
        assert [reason_of(response) for response in transcript.responses] == [reason]
        assert taken < MOST * slowdown()
