"""Where a request ends has one reading, or the request is refused (RFC 9112 6 and 7)."""

from __future__ import annotations

import pytest

from tests.wire.raw_client import BEHIND, CHUNKED, HOST, LOGIN, check, head, login, reason_of, send_and_read, serving

CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"
LAST = b"0\r\n\r\n"
PASSED = (b"POST /api/trpc/auth.login HTTP/1.1", b"{}")
MALFORMED = [(400, "head_malformed")]

CODINGS_REFUSED = {
    "length-first": b"content-length: 2\r\ntransfer-encoding: chunked",
    "length-last": b"transfer-encoding: chunked\r\ncontent-length: 2",
    "length-between": b"transfer-encoding: chunked\r\ncontent-length: 2\r\ntransfer-encoding: chunked",
    "length-zero": b"content-length: 0\r\ntransfer-encoding: chunked",
    "length-and-identity": b"content-length: 2\r\ntransfer-encoding: identity",
    "length-and-chunked-identity": b"content-length: 2\r\ntransfer-encoding: chunked, identity",
    "space-before-colon": b"transfer-encoding : chunked",
    "tab-before-colon": b"transfer-encoding\t: chunked",
    "xchunked": b"transfer-encoding: xchunked",
    "chunkedx": b"transfer-encoding: chunkedx",
    "chunked-identity": b"transfer-encoding: chunked, identity",
    "identity-chunked": b"transfer-encoding: identity, chunked",
    "gzip-chunked": b"transfer-encoding: gzip, chunked",
    "identity": b"transfer-encoding: identity",
    "gzip": b"transfer-encoding: gzip",
    "trailing-tab": b"transfer-encoding: chunked\t",
    "twice": b"transfer-encoding: chunked\r\ntransfer-encoding: chunked",
    "twice-in-one": b"transfer-encoding: chunked, chunked",
    "chunked-then-identity": b"transfer-encoding: chunked\r\ntransfer-encoding: identity",
    "identity-then-chunked": b"transfer-encoding: identity\r\ntransfer-encoding: chunked",
    "second-in-capitals": b"transfer-encoding: chunked\r\nTRANSFER-ENCODING: x",
    "empty": b"transfer-encoding:",
    "quoted": b'transfer-encoding: "chunked"',
    "parameter": b"transfer-encoding: chunked;q=1",
    "trailing-comma": b"transfer-encoding: chunked,",
    "leading-comma": b"transfer-encoding: ,chunked",
    "vertical-tab-before": b"transfer-encoding: \x0bchunked",
    "vertical-tab-after": b"transfer-encoding: chunked\x0b",
    "nul": b"transfer-encoding: chunked\x00",
    "folded": b"transfer-encoding:\r\n chunked",
    "folded-into-another": b"x: y\r\n transfer-encoding: chunked",
    "behind-a-bare-cr": b"x: y\rtransfer-encoding: chunked",
    "behind-a-bare-lf": b"x: y\ntransfer-encoding: chunked",
}
CODINGS_TAKEN = {
    "plain": b"transfer-encoding: chunked",
    "tab": b"transfer-encoding:\tchunked",
    "no-space": b"transfer-encoding:chunked",
    "title": b"Transfer-Encoding: Chunked",
    "odd-case": b"tRaNsFeR-eNcOdInG: cHUnKeD",
}


@pytest.mark.parametrize("field", CODINGS_REFUSED.values(), ids=CODINGS_REFUSED)
async def test_a_transfer_coding_with_two_readings_is_refused(field: bytes):
    # what stands behind must not be taken for a request of its own, whichever framing was meant
    await check(login(field + b"\r\n", CHUNKS + BEHIND), MALFORMED, True)


@pytest.mark.parametrize("field", CODINGS_TAKEN.values(), ids=CODINGS_TAKEN)
async def test_the_plain_transfer_coding_passes_reframed_and_ends_its_connection(field: bytes):
    await check(login(field + b"\r\n", CHUNKS), [(200, "")], True, [PASSED])


async def test_an_old_client_may_not_send_chunks():
    line = LOGIN.replace(b"1.1", b"1.0")
    await check(head(line, HOST + CHUNKED) + CHUNKS, MALFORMED, True)


LENGTHS_REFUSED = {
    "plus": b" +2",
    "minus": b" -2",
    "hex": b" 0x2",
    "list-alike": b" 2, 2",
    "list-unlike": b" 2, 3",
    "spaced": b" 2 2",
    "tabbed": b" 2\t2",
    "decimal": b" 2.0",
    "exponent": b" 2e0",
    "underscore": b" 1_0",
    "no-digit": b" two",
    "arabic-digit": " ٢".encode(),
    "above-64-bit": b" 18446744073709551616",
    "huge": b" 99999999999999999999999",
    "empty": b"",
    "blank": b"  ",
    "nul": b" 2\x00",
    "twice-alike": b" 2\r\ncontent-length: 2",
    "twice-unlike": b" 2\r\ncontent-length: 3",
    "twice-case": b" 2\r\nContent-Length: 2",
    "folded": b"\r\n 2",
    "semicolon": b" 2;",
    "space-before-colon": b" 2\r\ncontent-length : 2",
}


@pytest.mark.parametrize("value", LENGTHS_REFUSED.values(), ids=LENGTHS_REFUSED)
async def test_a_length_that_is_not_one_number_is_refused(value: bytes):
    await check(login(b"content-length:" + value + b"\r\n", b"{}"), MALFORMED, True)


@pytest.mark.parametrize(
    "value",
    [b" 2", b"2", b"\t2", b" 2 ", b" 2\t", b" 02", pytest.param(b" " + b"0" * 5000 + b"2", id="more-than-int-takes")],
    ids=repr,
)
async def test_a_length_passes_as_the_number_it_is(value: bytes):
    await check(login(b"content-length:" + value + b"\r\n"), [(200, "")], False, [PASSED])


@pytest.mark.parametrize("value", [b"18446744073709551615", b"9223372036854775808", b"65537"])
async def test_a_length_over_the_limit_is_refused_before_its_bytes(value: bytes):
    await check(login(b"content-length: " + value + b"\r\n"), [(413, "body_too_large")], True)


async def test_a_post_without_framing_has_no_body():
    await check(login(b"", b""), [(200, "")], False, [(PASSED[0], b"")])


CHUNKS_REFUSED = {
    "negative": b"-2\r\n{}\r\n" + LAST,
    "plus": b"+2\r\n{}\r\n" + LAST,
    "hex-prefix": b"0x2\r\n{}\r\n" + LAST,
    "space-before": b" 2\r\n{}\r\n" + LAST,
    "space-after": b"2 \r\n{}\r\n" + LAST,
    "tab-after": b"2\t\r\n{}\r\n" + LAST,
    "underscore": b"0_2\r\n{}\r\n" + LAST,
    "seventeen-digits": b"10000000000000002\r\n{}\r\n" + LAST,
    "empty": b"\r\n{}\r\n" + LAST,
    "no-digit": b"g\r\n{}\r\n" + LAST,
    "spaced-extension": b"2 ; a = b\r\n{}\r\n" + LAST,
    "cr-in-extension": b"2;a\rb\r\n{}\r\n" + LAST,
    "lf-in-extension": b"2;a\nb\r\n{}\r\n" + LAST,
    "lf-ends-extension": b"2;\n{}\r\n" + LAST,
    "nul-in-extension": b"2;a\x00\r\n{}\r\n" + LAST,
    "lf-ends-size": b"2\n{}\r\n" + LAST,
    "cr-ends-size": b"2\r{}\r\n" + LAST,
    "lf-ends-data": b"2\r\n{}\n" + LAST,
    "cr-ends-data": b"2\r\n{}\r" + LAST,
    "nothing-ends-data": b"2\r\n{}" + LAST,
    "data-too-long": b"2\r\n{}}\r\n" + LAST,
    "lf-ends-last": b"2\r\n{}\r\n0\n\n",
    "lf-ends-trailers": b"2\r\n{}\r\n0\r\n\n",
    "trailer-name": b"2\r\n{}\r\n0\r\nx evil: 1\r\n\r\n",
    "trailer-nul": b"2\r\n{}\r\n0\r\nx: \x00\r\n\r\n",
    "trailer-folded": b"2\r\n{}\r\n0\r\nx: a\r\n b\r\n\r\n",
    "trailer-length": b"2\r\n{}\r\n0\r\ncontent-length: 5\r\n\r\n",
    "trailer-coding": b"2\r\n{}\r\n0\r\ntransfer-encoding: chunked\r\n\r\n",
}


@pytest.mark.parametrize("body", CHUNKS_REFUSED.values(), ids=CHUNKS_REFUSED)
async def test_a_bad_chunk_is_refused_at_once_and_nothing_of_it_goes_upstream(body: bytes):
    """The head may have been taken already when the chunk arrives, so either name of the refusal is right."""
    async with serving() as (gateway, upstream):
        for drip in (False, True):
            transcript = await send_and_read(gateway.port, login(CHUNKED, body + BEHIND), drip, True)
            way = "dripping" if drip else "whole"
            assert [response.status for response in transcript.responses] == [400], way
            assert reason_of(transcript.responses[0]) in ("head_malformed", "body_malformed"), way
        assert upstream.requests == []
        assert gateway.seen.events == []


CHUNKS_TAKEN = {
    "one": CHUNKS,
    "two": b"1\r\n{\r\n1\r\n}\r\n" + LAST,
    "leading-zeros": b"00000002\r\n{}\r\n" + LAST,
    "last-in-many-zeros": b"2\r\n{}\r\n00000\r\n\r\n",
    "extension": b"2;a=b\r\n{}\r\n" + LAST,
    "quoted-extension": b'2;a="b;c"\r\n{}\r\n' + LAST,
    "long-extension": b"2;" + b"a" * 20_000 + b"\r\n{}\r\n" + LAST,
    "extension-of-the-last": b"2\r\n{}\r\n0;a=b\r\n\r\n",
    "trailer": b"2\r\n{}\r\n0\r\nx-evil: 1\r\n\r\n",
    "trailer-of-identity": b"2\r\n{}\r\n0\r\nauthorization: Bearer x\r\nx-forwarded-for: 1.2.3.4\r\n\r\n",
}


@pytest.mark.parametrize("body", CHUNKS_TAKEN.values(), ids=CHUNKS_TAKEN)
async def test_good_chunks_go_upstream_as_plain_bytes_and_what_is_behind_never_runs(body: bytes):
    """A trailer must neither be forwarded nor become a field of the next request: there is no next request."""
    await check(login(CHUNKED, body), [(200, "")], True, [PASSED])
    await check(login(CHUNKED, body + BEHIND), [(200, "")], True, [PASSED])


async def test_a_trailer_that_names_a_host_moves_nobody():
    """The parser takes it for a second Host of the request behind, which may not run anyway."""
    data = login(CHUNKED, b"2\r\n{}\r\n0\r\nhost: evil\r\n\r\n" + BEHIND)
    async with serving() as (gateway, upstream):
        for drip in (False, True):
            transcript = await send_and_read(gateway.port, data, drip, True)
            assert [response.status for response in transcript.responses] in ([200], [400])
        assert {(one.line, one.body) for one in upstream.requests} <= {PASSED}


@pytest.mark.parametrize(
    "trailers",
    [b"x: " + b"a" * 20_000 + b"\r\n", b"".join(b"x%d: a\r\n" % i for i in range(300))],
    ids=["long", "many"],
)
async def test_oversized_trailers_are_refused(trailers: bytes):
    async with serving() as (gateway, upstream):
        for drip in (False, True):
            transcript = await send_and_read(
                gateway.port, login(CHUNKED, b"2\r\n{}\r\n0\r\n" + trailers + b"\r\n"), drip, True
            )
            assert [response.status for response in transcript.responses] in ([431], [400]), drip
        assert upstream.requests == []


@pytest.mark.parametrize("size", [b"ffffffffffffffff", b"7fffffffffffffff", b"10001"])
async def test_a_chunk_that_promises_too_much_is_cut_off_at_the_limit_of_the_body(size: bytes):
    data = login(CHUNKED, size + b"\r\n" + b"x" * 65_537)
    await check(data, [(413, "body_too_large")], True)


async def test_a_get_with_a_body_is_judged_by_its_body():
    target = b"GET /files/a HTTP/1.1"
    await check(head(target, HOST + b"content-length: 2\r\n") + b"{}", [(200, "")], False, [(target, b"{}")])
    await check(head(target, HOST + CHUNKED) + CHUNKS, [(200, "")], True, [(target, b"{}")])
    async with serving() as (gateway, upstream):
        transcript = await send_and_read(gateway.port, head(fields=HOST + CHUNKED) + CHUNKS, False, True)
        assert [(response.status, reason_of(response)) for response in transcript.responses] == [
            (415, "media_type_refused")
        ]
        assert upstream.requests == []


@pytest.mark.parametrize("alias", [b"transfer_encoding", b"transfer.encoding", b"content_length"])
async def test_an_alias_of_a_framing_field_frames_nothing_and_stops_here(alias: bytes):
    """What the client thinks is a body is the next request here, refused as such (whole, both are refused at once)."""
    value = b": 13" if b"length" in alias else b": chunked"
    async with serving() as (gateway, upstream):
        for drip in (False, True):
            transcript = await send_and_read(gateway.port, login(alias + value + b"\r\n", CHUNKS + BEHIND), drip, True)
            assert (transcript.responses[-1].status, reason_of(transcript.responses[-1])) == (400, "head_malformed")
        assert [(one.line, one.body) for one in upstream.requests] in ([], [(PASSED[0], b"")])
        assert all(not one.all(alias) for one in upstream.requests)
