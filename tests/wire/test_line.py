"""The request line: one method, one target, one version, or a refusal (RFC 9112 3)."""

from __future__ import annotations

import pytest

from tests.wire.raw_client import BEHIND, HOST, check, head, reason_of, send_and_read, serving

INFO = (b"GET /api/info HTTP/1.1", b"")
MALFORMED = [(400, "head_malformed")]

REFUSED = {
    "bare-cr-before-version": b"GET /api/info\r HTTP/1.1",
    "bare-cr-ends-it": b"GET /api/info HTTP/1.1\rx: y",
    "bare-lf-ends-it": b"GET /api/info HTTP/1.1\nx: y",
    "empty-line-of-lf": b"GET /api/info HTTP/1.1\n",
    "nul-in-target": b"GET /api/\x00info HTTP/1.1",
    "nul-in-method": b"G\x00ET /api/info HTTP/1.1",
    "control-in-target": b"GET /api/\x01info HTTP/1.1",
    "delete-in-target": b"GET /api/inf\x7f HTTP/1.1",
    "tab-separated": b"GET\t/api/info\tHTTP/1.1",
    "form-feed-separated": b"GET\x0c/api/info HTTP/1.1",
    "space-in-target": b"GET /api/in fo HTTP/1.1",
    "space-before": b" GET /api/info HTTP/1.1",
    "space-behind": b"GET /api/info HTTP/1.1 ",
    "no-target": b"GET HTTP/1.1",
    "empty-target": b"GET  HTTP/1.1",
    "raw-byte": b"GET /api/inf\xff HTTP/1.1",
    "raw-utf8": "GET /api/infö HTTP/1.1".encode(),
    "raw-byte-in-query": b"GET /api/info?\xff HTTP/1.1",
    "backslashes": b"GET \\api\\info HTTP/1.1",
    "relative": b"GET api/info HTTP/1.1",
    "query-only": b"GET ?a=1 HTTP/1.1",
    "authority-form": b"GET gateway:80 HTTP/1.1",
    "host-only": b"GET gateway HTTP/1.1",
    "asterisk": b"GET * HTTP/1.1",
    "absolute-other-host": b"GET http://evil.example/api/info HTTP/1.1",
    "absolute-other-port": b"GET http://gateway:81/api/info HTTP/1.1",
    "absolute-port-of-the-other-scheme": b"GET http://gateway:443/api/info HTTP/1.1",
    "absolute-no-host": b"GET http:///api/info HTTP/1.1",
    "method-unknown": b"BREW /api/info HTTP/1.1",
    "method-long": b"G" * 100 + b" /api/info HTTP/1.1",
    "method-lower": b"get /api/info HTTP/1.1",
    "method-mixed": b"Get /api/info HTTP/1.1",
    "method-with-colon": b"GET: /api/info HTTP/1.1",
    "track": b"TRACK /api/info HTTP/1.1",
    "pri": b"PRI /api/info HTTP/1.1",
    "version-0.9": b"GET /api/info HTTP/0.9",
    "version-none": b"GET /api/info",
    "version-1": b"GET /api/info HTTP/1",
    "version-1.2": b"GET /api/info HTTP/1.2",
    "version-1.10": b"GET /api/info HTTP/1.10",
    "version-01.1": b"GET /api/info HTTP/01.1",
    "version-1,1": b"GET /api/info HTTP/1,1",
    "version-1.1x": b"GET /api/info HTTP/1.1x",
    "version-2": b"GET /api/info HTTP/2",
    "version-2.0": b"GET /api/info HTTP/2.0",
    "version-3.0": b"GET /api/info HTTP/3.0",
    "version-lower": b"GET /api/info http/1.1",
    "version-mixed": b"GET /api/info Http/1.1",
    "version-icy": b"GET /api/info ICY/1.1",
    "proxy-protocol": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /api/info HTTP/1.1",
}


@pytest.mark.parametrize("line", REFUSED.values(), ids=REFUSED)
async def test_a_line_with_no_one_reading_is_refused_and_ends_the_connection(line: bytes):
    await check(head(line) + BEHIND, MALFORMED, True)


TAKEN = {
    "plain": b"GET /api/info HTTP/1.1",
    "empty-line-before": b"\r\nGET /api/info HTTP/1.1",
    "line-feed-before": b"\nGET /api/info HTTP/1.1",
    "many-empty-lines-before": b"\r\n" * 50 + b"GET /api/info HTTP/1.1",
    "two-spaces": b"GET  /api/info  HTTP/1.1",
    "absolute-same-host": b"GET http://gateway/api/info HTTP/1.1",
    "absolute-in-capitals": b"GET HTTP://GATEWAY/api/info HTTP/1.1",
    "absolute-own-port": b"GET http://gateway:80/api/info HTTP/1.1",
    "absolute-own-port-of-tls": b"GET HTTPS://gateway:443/api/info HTTP/1.1",
    "absolute-https": b"GET https://gateway/api/info HTTP/1.1",
}


@pytest.mark.parametrize("line", TAKEN.values(), ids=TAKEN)
async def test_a_line_with_one_reading_goes_on_in_one_spelling(line: bytes):
    """RFC 9112 2.2 and 3 let a server overlook empty lines before it and further spaces in it."""
    await check(head(line), [(200, "")], False, [INFO])


OLD = {"1.0": b"GET /api/info HTTP/1.0", "rtsp": b"GET /api/info RTSP/1.0"}


@pytest.mark.parametrize("line", OLD.values(), ids=OLD)
@pytest.mark.parametrize("fields", [HOST, b""], ids=["host", "no-host"])
async def test_an_old_client_is_served_once(line: bytes, fields: bytes):
    """The parser does not tell RTSP/1.0 from HTTP/1.0; what goes upstream is HTTP/1.1 all the same."""
    await check(head(line, fields), [(200, "")], True, [INFO])


FATES = {
    "connect": (b"CONNECT gateway:80 HTTP/1.1", 405, "method_not_allowed", True),
    "connect-path": (b"CONNECT /api/info HTTP/1.1", 405, "method_not_allowed", True),
    "trace": (b"TRACE /api/info HTTP/1.1", 405, "method_not_allowed", True),
    "propfind": (b"PROPFIND /api/info HTTP/1.1", 405, "method_not_allowed", True),
    "purge": (b"PURGE /api/info HTTP/1.1", 405, "method_not_allowed", True),
    "query": (b"QUERY /api/info HTTP/1.1", 405, "method_not_allowed", True),
    "m-search": (b"M-SEARCH /api/info HTTP/1.1", 405, "method_not_allowed", True),
    "source": (b"SOURCE /api/info HTTP/1.1", 405, "method_not_allowed", True),
    "delete": (b"DELETE /api/info HTTP/1.1", 405, "method_not_allowed", False),
    "patch": (b"PATCH /api/info HTTP/1.1", 405, "method_not_allowed", False),
    "options-without-origin": (b"OPTIONS /api/info HTTP/1.1", 405, "method_not_allowed", False),
    "options-asterisk": (b"OPTIONS * HTTP/1.1", 404, "no_route", False),
    "fragment": (b"GET /api/info#x HTTP/1.1", 400, "path_ambiguous", False),
    "encoded-nul": (b"GET /api/info%00 HTTP/1.1", 400, "path_ambiguous", False),
    "encoded-nul-in-a-name-for-procedures": (
        b"GET /api/trpc/auth.login?batch%00=1 HTTP/1.1",
        400,
        "path_ambiguous",
        False,
    ),
    "absolute-user": (b"GET http://u@gateway/api/info HTTP/1.1", 400, "path_ambiguous", False),
    "absolute-ftp": (b"GET ftp://gateway/api/info HTTP/1.1", 400, "path_ambiguous", False),
    "absolute-no-path": (b"GET http://gateway HTTP/1.1", 404, "no_route", False),
    "absolute-query": (b"GET http://gateway?/api/info HTTP/1.1", 404, "no_route", False),
}


@pytest.mark.parametrize(("line", "status", "reason", "ends"), FATES.values(), ids=FATES)
async def test_a_well_formed_line_the_gateway_does_not_serve(line: bytes, status: int, reason: str, ends: bool):
    await check(head(line), [(status, reason)], ends)


@pytest.mark.parametrize("line", [b"CONNECT gateway:80 HTTP/1.1", b"TRACE /api/info HTTP/1.1"])
async def test_no_tunnel_opens_and_nothing_behind_the_refusal_runs(line: bytes):
    await check(head(line) + BEHIND, [(405, "method_not_allowed")], True)


async def test_a_head_request_has_the_head_of_the_answer_only():
    await check(head(b"HEAD /api/info HTTP/1.1"), [(200, "")], False, [(b"HEAD /api/info HTTP/1.1", b"")])
    async with serving() as (gateway, _):
        transcript = await send_and_read(gateway.port, head(b"HEAD /nowhere HTTP/1.0"), False, True, frozenset({0}))
        assert [response.status for response in transcript.responses] == [404]
        assert int(transcript.responses[0][b"content-length"]) > 0


STRANGERS = {
    "http2-preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "tls-hello": bytes.fromhex("16030100c8010000c40303") + bytes(range(256)),
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "noise": b"\xff\xfe\xfd\r\n\r\n",
    "smtp": b"EHLO evil.example\r\n",
    "redis": b"*1\r\n$4\r\nPING\r\n",
    "memcached": b"stats\r\n",
    "zeros": bytes(64),
}


@pytest.mark.parametrize("data", STRANGERS.values(), ids=STRANGERS)
async def test_another_protocol_is_answered_in_ours(data: bytes):
    await check(data, MALFORMED, True)


async def test_a_request_of_http_0_9_is_no_request():
    """It never ends its head, so it only ever runs into the time a head may take."""
    async with serving(limits="header_timeout: 200ms") as (gateway, upstream):
        transcript = await send_and_read(gateway.port, b"GET /api/info\r\n", False, True)
        assert [(response.status, reason_of(response)) for response in transcript.responses] == [(408, "head_timeout")]
        assert upstream.requests == []
