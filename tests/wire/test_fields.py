"""Header fields: what has two readings is refused, what only lies is dropped (RFC 9110 5, RFC 9112 5)."""

from __future__ import annotations

import contextlib

import pytest

from tests.wire.raw_client import (
    BEHIND,
    HOST,
    check,
    connected,
    head,
    read_to_end,
    reason_of,
    send,
    send_and_read,
    serving,
)

INFO = (b"GET /api/info HTTP/1.1", b"")
MALFORMED = [(400, "head_malformed")]

HOSTS_REFUSED = {
    "none": b"x: y\r\n",
    "twice": HOST + HOST,
    "twice-unlike": HOST + b"host: other\r\n",
    "twice-case": HOST + b"HOST: gateway\r\n",
    "empty": b"host:\r\n",
    "blank": b"host: \t\r\n",
    "user": b"host: user@gateway\r\n",
    "user-and-password": b"host: user:pw@gateway\r\n",
    "space": b"host: gate way\r\n",
    "comma": b"host: gateway, other\r\n",
    "comma-tight": b"host: gateway,other\r\n",
    "slash": b"host: gateway/x\r\n",
    "scheme": b"host: http://gateway\r\n",
    "port-no-number": b"host: gateway:x\r\n",
    "port-long": b"host: gateway:123456\r\n",
    "bracket-open": b"host: [::1\r\n",
    "bracket-inside": b"host: a[::1]\r\n",
    "zone": b"host: [fe80::1%25eth0]\r\n",
    "fragment": b"host: gateway#\r\n",
    "query": b"host: gateway?x\r\n",
    "backslash": b"host: gate\\way\r\n",
    "percent": b"host: gate%2eway\r\n",
    "raw-byte": b"host: gatewa\xff\r\n",
    "too-long": b"host: " + b"g" * 300 + b"\r\n",
    "space-before-colon": b"host : gateway\r\n",
}


@pytest.mark.parametrize("fields", HOSTS_REFUSED.values(), ids=HOSTS_REFUSED)
async def test_a_host_that_is_not_one_name_or_address_is_refused(fields: bytes):
    await check(head(fields=fields) + BEHIND, MALFORMED, True)


@pytest.mark.parametrize("host", [b"gateway:8080", b"gateway:", b"a_b.example", b"[::1]:80", b"192.0.2.1", b"GATEWAY"])
async def test_a_host_is_never_passed_on(host: bytes):
    async with serving() as (gateway, upstream):
        transcript = await send_and_read(gateway.port, head(fields=b"host: " + host + b"\r\n"), False, False)
        assert [response.status for response in transcript.responses] == [200, 200]
        assert upstream.requests[0].all(b"host") == [f"127.0.0.1:{upstream.port}".encode()]


REFUSED = {
    "folded": b"x: a\r\n b\r\n",
    "folded-by-tab": b"x: a\r\n\tb\r\n",
    "folded-empty": b"x:\r\n \r\n",
    "bare-cr-in-value": b"x: a\rb\r\n",
    "bare-cr-ends-line": b"x: a\ry: b\r\n",
    "bare-lf-in-value": b"x: a\nb\r\n",
    "bare-lf-ends-line": b"x: a\ny: b\r\n",
    "two-cr": b"x: a\r\r\n",
    "nul": b"x: a\x00b\r\n",
    "start-of-heading": b"x: a\x01b\r\n",
    "backspace": b"x: a\x08b\r\n",
    "vertical-tab": b"x: a\x0bb\r\n",
    "form-feed": b"x: a\x0cb\r\n",
    "escape": b"x: a\x1b[31mb\r\n",
    "delete": b"x: a\x7fb\r\n",
    "space-before-colon": b"x : a\r\n",
    "tab-before-colon": b"x\t: a\r\n",
    "empty-name": b": a\r\n",
    "blank-name": b" : a\r\n",
    "no-colon": b"xyz\r\n",
    "space-in-name": b"x y: a\r\n",
    "nul-in-name": b"x\x00: a\r\n",
    "raw-byte-in-name": b"x\xff: a\r\n",
    "utf8-in-name": "ö: a\r\n".encode(),
    "parenthesis-in-name": b"x(y): a\r\n",
    "slash-in-name": b"a/b: a\r\n",
    "at-in-name": b"x@y: a\r\n",
    "quoted-name": b'"x": a\r\n',
    "content-type-twice": b"content-type: a/b\r\ncontent-type: c/d\r\n",
    "content-type-twice-alike": b"content-type: a/b\r\nContent-Type: a/b\r\n",
    "preflight-method-twice": b"access-control-request-method: GET\r\naccess-control-request-method: POST\r\n",
    "expect-twice": b"expect: 100-continue\r\nexpect: 100-continue\r\n",
    "expect-list": b"expect: 100-continue, x\r\n",
    "connection-no-token": b"connection: a b\r\n",
    "connection-names-host": b"connection: host\r\n",
    "connection-names-length": b"connection: content-length\r\n",
    "connection-names-coding": b"connection: transfer-encoding\r\n",
    "connection-names-authorization": b"connection: close, Authorization\r\nauthorization: Bearer x\r\n",
    "connection-names-cookie": b"connection: cookie\r\n",
    "connection-names-origin": b"connection: origin\r\n",
    "connection-names-forwarded-for": b"connection: X-Forwarded-For\r\n",
    "connection-names-user-id": b"connection: x-user-id\r\n",
    "connection-names-correlation": b"connection: x-correlation-id\r\n",
    "connection-names-in-two-lines": b"connection: close\r\nconnection: authorization\r\n",
    "request-id-with-cr": b"x-request-id: aaaaaaaa\rset-cookie: a=b\r\n",
    "request-id-with-lf": b"x-request-id: aaaaaaaa\nset-cookie: a=b\r\n",
    "old-websocket-key": b"sec-websocket-key1: 1\r\n",
    "lf-ends-head": b"x: a\r\n\n",
    "cr-ends-head": b"x: a\r\n\r\r\n",
}


@pytest.mark.parametrize("fields", REFUSED.values(), ids=REFUSED)
async def test_a_field_with_two_readings_is_refused_and_ends_the_connection(fields: bytes):
    await check(head(fields=HOST + fields) + BEHIND, MALFORMED, True)


async def test_a_space_before_the_first_field_is_refused():
    await check(head(fields=b" x: a\r\n" + HOST) + BEHIND, MALFORMED, True)


PASSED_ON = {
    "tab": (b"a\tb", b"a\tb"),
    "trimmed": (b" \t a \t ", b"a"),
    "empty": (b"", b""),
    "latin": (b"\xe9", b"\xe9"),
    "utf8": ("ö".encode(), "ö".encode()),
    "broken-utf8": (b"\xff\xfe", b"\xff\xfe"),
    "c1": (b"\x85", b"\x85"),
}


@pytest.mark.parametrize(("sent", "passed"), PASSED_ON.values(), ids=PASSED_ON)
async def test_a_value_of_other_bytes_goes_on_as_it_came(sent: bytes, passed: bytes):
    async with serving() as (gateway, upstream):
        for drip in (False, True):
            transcript = await send_and_read(gateway.port, head(fields=HOST + b"x-note:" + sent + b"\r\n"), drip, False)
            assert [response.status for response in transcript.responses] == [200, 200]
        assert [one.all(b"x-note") for one in upstream.requests if b"info" in one.line] == [[passed], [passed]]


IDENTITY = [
    "X-Forwarded-For",
    "X_Forwarded_For",
    "X.Forwarded.For",
    "x-forwarded-host",
    "X-Forwarded-Proto",
    "x-forwarded-user",
    "Forwarded",
    "X-Real-IP",
    "X_Real_Ip",
    "x.real.ip",
    "CF-Connecting-IP",
    "CF_Connecting_IP",
    "cf-ipcountry",
    "True-Client-IP",
    "X-Client-IP",
    "X-User-Id",
    "X_User_Id",
    "X.User.Id",
    "x-user-id",
    "X-Auth-Request-Email",
    "X-Remote-User",
    "Remote-User",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-HTTP-Method-Override",
    "x-http-method",
    "X-Method-Override",
    "Proxy",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Keep-Alive",
    "x-middleware-subrequest",
    "X-Amzn-Oidc-Identity",
    "x!user!id",
    "HTTP2-Settings",
    "Trailer",
    "X_Request_Id",
    "content_type",
]


@pytest.mark.parametrize("name", IDENTITY)
async def test_a_field_that_only_a_proxy_may_send_stops_here(name: str):
    lie = b"203.0.113.7-lie"
    async with serving() as (gateway, upstream):
        transcript = await send_and_read(
            gateway.port, head(fields=HOST + name.encode() + b": " + lie + b"\r\n"), False, False
        )
        assert [response.status for response in transcript.responses] == [200, 200]
        received = upstream.requests[0]
        assert received.line == INFO[0]
        assert all(lie not in value for _, value in received.fields)
        assert received.all(b"x-forwarded-for") == [b"127.0.0.1"]
        assert received.all(b"x-forwarded-proto") == [b"http"]
        assert received.all(b"x-request-id") == [transcript.responses[0][b"x-request-id"]]
        assert gateway.seen.exchanges[0].client == "127.0.0.1"


async def test_connection_takes_the_fields_it_may_name():
    fields = HOST + b"connection: X-Hop, keep-alive\r\nx-hop: 1\r\nx-stays: 2\r\n"
    async with serving() as (gateway, upstream):
        await send_and_read(gateway.port, head(fields=fields), False, False)
        assert upstream.requests[0].all(b"x-hop") == []
        assert upstream.requests[0].all(b"x-stays") == [b"2"]


@pytest.mark.parametrize("value", [b"close", b"CLOSE", b"keep-alive, close", b"Close, x"])
async def test_a_client_that_asks_for_the_end_gets_it(value: bytes):
    await check(head(fields=HOST + b"connection: " + value + b"\r\n"), [(200, "")], True, [INFO])


IDS = {
    "sane": (b"a.sane_id-1", True),
    "too-long": (b"a" * 200, False),
    "too-short": (b"a", False),
    "markup": (b"aaaaaaaa<script>", False),
    "quote": (b'aaaaaaaa"', False),
    "raw-byte": (b"aaaaaaaa\xff", False),
    "list": (b"aaaaaaaa, bbbbbbbb", False),
}


@pytest.mark.parametrize(("value", "kept"), IDS.values(), ids=IDS)
@pytest.mark.parametrize("name", [b"x-request-id", b"x-correlation-id"])
async def test_an_id_comes_back_only_when_it_is_sane(name: bytes, value: bytes, kept: bool):
    async with serving() as (gateway, upstream):
        transcript = await send_and_read(gateway.port, head(fields=HOST + name + b": " + value + b"\r\n"), False, False)
        assert (transcript.responses[0][name] == value) is kept
        assert upstream.requests[0].all(name) == [transcript.responses[0][name]]


EXPECT = {"plain": b"100-continue", "odd-case": b"100-Continue"}


@pytest.mark.parametrize("value", EXPECT.values(), ids=EXPECT)
async def test_expect_without_a_body_needs_no_word(value: bytes):
    await check(head(fields=HOST + b"Expect: " + value + b"\r\n"), [(200, "")], False, [INFO])


@pytest.mark.parametrize("value", [b"magic", b"", b"100-continue;q=1", b"200-ok"])
async def test_another_expectation_is_refused(value: bytes):
    await check(head(fields=HOST + b"expect: " + value + b"\r\n") + BEHIND, [(417, "expectation_failed")], True)


SIZES = {
    "name": HOST + b"x" * 9_000 + b": 1\r\n",
    "value": HOST + b"x: " + b"1" * 9_000 + b"\r\n",
    "fields": HOST + b"".join(b"x%d: 1\r\n" % number for number in range(128)),
    "many-fields": HOST + b"".join(b"x%d: 1\r\n" % number for number in range(500)),
    "total": HOST + b"".join(b"x%d: " % number + b"1" * 1_000 + b"\r\n" for number in range(10)),
    "total-of-a-repeated-one": HOST + b"".join(b"cookie: " + b"1" * 1_000 + b"\r\n" for number in range(10)),
    "total-by-far": HOST + b"".join(b"x%d: " % number + b"1" * 1_000 + b"\r\n" for number in range(100)),
}
TOO_LARGE = [(431, "headers_too_large")]


@pytest.mark.parametrize("fields", SIZES.values(), ids=SIZES)
async def test_a_head_over_its_limit_is_refused_however_it_arrives(fields: bytes):
    await check(head(fields=fields) + BEHIND, TOO_LARGE, True)


async def test_a_line_over_its_limit_is_refused():
    await check(head(b"GET /api/info?" + b"a" * 9_000 + b" HTTP/1.1") + BEHIND, [(414, "target_too_long")], True)


async def test_a_head_just_under_its_limits_passes():
    await check(head(fields=HOST + b"x: " + b"1" * 7_500 + b"\r\n"), [(200, "")], False, [INFO])
    fields = b"".join(b"x%d: 1\r\n" % number for number in range(127))
    await check(head(fields=HOST + fields), [(200, "")], False, [INFO])
    line = b"GET /api/info?" + b"a" * 7_500 + b" HTTP/1.1"
    await check(head(line), [(200, "")], False, [(line, b"")])


@pytest.mark.parametrize("size", [100_000, 2_000_000])
async def test_a_client_that_is_still_sending_can_read_why_it_is_refused(size: int):
    """RFC 9112 9.6: closing with bytes unread resets the connection, and a reset may take the response with it."""
    async with serving() as (gateway, _):
        with contextlib.closing(await connected(gateway.port)) as sock:
            sent = await send(sock, head(fields=HOST + b"x: " + b"1" * size + b"\r\n"), drip=True)
            transcript = await read_to_end(sock)
        assert [(response.status, reason_of(response)) for response in transcript.responses] == TOO_LARGE
        assert sent
        assert not transcript.reset


async def test_a_repeated_authorization_is_never_two_fields_upstream():
    fields = HOST + b"authorization: Bearer a\r\nauthorization: Bearer b\r\n"
    async with serving() as (gateway, upstream):
        await send_and_read(gateway.port, head(fields=fields), False, False)
        assert upstream.requests[0].all(b"authorization") == [b"Bearer a, Bearer b"]
        transcript = await send_and_read(
            gateway.port, head(b"GET /api/trpc/chat.getHistory HTTP/1.1", fields), False, False
        )
        assert transcript.responses[0].status == 401


ORIGINS = {
    "twice": (b"", b"origin: https://linguamate.app\r\norigin: https://linguamate.app\r\n"),
    "host": (b"host: a b\r\n", b"origin: https://evil.example\r\n"),
    "expect": (HOST, b"origin: https://evil.example\r\nexpect: magic\r\n"),
}


@pytest.mark.parametrize(("host", "fields"), ORIGINS.values(), ids=ORIGINS)
async def test_a_strange_origin_does_not_save_the_connection_of_a_malformed_head(host: bytes, fields: bytes):
    """Whichever of both is transcript, what stands behind a malformed head never runs."""
    async with serving() as (gateway, upstream):
        transcript = await send_and_read(gateway.port, head(fields=(host or HOST) + fields) + BEHIND, False, True)
        assert [response.status for response in transcript.responses] in ([400], [403], [417])
        assert upstream.requests == []
