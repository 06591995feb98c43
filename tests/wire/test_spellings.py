"""Every spelling that reaches a procedure of the backend: it goes on in the one spelling that was judged, or not at all."""

from __future__ import annotations

import pytest

from tests.wire.raw_client import HOST, JSON, head, reason_of, send_and_read, serving, well_formed

LOGIN = "/api/trpc/auth.login"
TWO = "/api/trpc/auth.login,auth.login?batch=1"

# As in the table of the backend's observed behaviour, row by row: what is sent, and what reaches the upstream.
PASSED = {
    "encoded-dot": ("/api/trpc/auth%2Elogin", LOGIN),
    "encoded-letter": ("/api/trpc/%61uth.login", LOGIN),
    "trailing-slash": ("/api/trpc/auth.login/", LOGIN),
    "absolute-form": ("http://gateway/api/trpc/auth.login", LOGIN),
    "alias": ("/api/trpc/auth.signin", LOGIN),
    "alias-encoded": ("/api/trpc/auth%2esignin", LOGIN),
    "alias-in-batch": ("/api/trpc/auth.signin,auth.login?batch=1", TWO),
    "batch-of-one": ("/api/trpc/auth.login?batch=1", "/api/trpc/auth.login?batch=1"),
    "batch": (TWO, TWO),
    "encoded-comma": ("/api/trpc/auth.login%2Cauth.login?batch=1", TWO),
    "encoded-batch": ("/api/trpc/auth.login,auth.login?%62atch=1", TWO),
    "first-batch-decides": (TWO + "&batch=0", TWO + "&batch=0"),
    "other-batch-value": ("/api/trpc/auth.login?batch=true", "/api/trpc/auth.login?batch=true"),
}
REFUSED = {
    "two-trailing-slashes": ("/api/trpc/auth.login//", 400, "path_ambiguous"),
    "dot-segment": ("/api/trpc/./auth.login", 400, "path_ambiguous"),
    "dot-dot": ("/api/trpc/x/../auth.login", 400, "path_ambiguous"),
    "encoded-dot-dot": ("/api/trpc/x/%2e%2e/auth.login", 400, "path_ambiguous"),
    "dot-dot-before-the-mount": ("/api/x/../trpc/auth.login", 400, "path_ambiguous"),
    "absolute-form-elsewhere": ("http://any.host/api/trpc/auth.login", 400, "head_malformed"),
    "empty-last": ("/api/trpc/auth.login,?batch=1", 400, "batch_malformed"),
    "slash-first": ("/api/trpc/x/,auth.login?batch=1", 400, "batch_malformed"),
    "space": ("/api/trpc/auth.login,%20auth.login?batch=1", 400, "batch_malformed"),
    "no-batch": ("/api/trpc/auth.login,auth.login", 404, "no_route"),
    "batch-0": ("/api/trpc/auth.login,auth.login?batch=0", 404, "no_route"),
    "batch-true": ("/api/trpc/auth.login,auth.login?batch=true", 404, "no_route"),
    "batch-capital": ("/api/trpc/auth.login,auth.login?Batch=1", 404, "no_route"),
    "second-batch": ("/api/trpc/auth.login,auth.login?batch=0&batch=1", 404, "no_route"),
    "two-slashes": ("/api/trpc//auth.login", 400, "path_ambiguous"),
    "two-slashes-first": ("//api/trpc/auth.login", 400, "path_ambiguous"),
    "capital-mount": ("/API/trpc/auth.login", 404, "no_route"),
    "capital-name": ("/api/trpc/Auth.login", 404, "no_route"),
    "slash-for-dot": ("/api/trpc/auth/login", 404, "no_route"),
    "encoded-slash-for-dot": ("/api/trpc/auth%2Flogin", 400, "path_ambiguous"),
    "nul": ("/api/trpc/auth.login%00", 400, "path_ambiguous"),
    "encoded-twice": ("/api/trpc/auth%252Elogin", 400, "path_ambiguous"),
    "bad-utf8": ("/api/trpc/%ff", 400, "path_ambiguous"),
    "lone-percent": ("/api/trpc/%", 400, "path_ambiguous"),
    "only-commas": ("/api/trpc/,,,,?batch=1", 400, "batch_malformed"),
    "more-commas-than-calls": ("/api/trpc/,,,,,?batch=1", 400, "batch_too_large"),
    "thousand-logins": ("/api/trpc/" + ",".join(["auth.login"] * 500) + "?batch=1", 400, "batch_too_large"),
}


def _post(target: str) -> bytes:
    return head(f"POST {target} HTTP/1.1".encode(), HOST + JSON + b"content-length: 2\r\n") + b"{}"


@pytest.mark.parametrize(("sent", "passed"), PASSED.values(), ids=PASSED)
async def test_a_spelling_that_passes_goes_on_as_it_was_judged(sent: str, passed: str):
    async with serving() as (gateway, upstream):
        transcript = await send_and_read(gateway.port, _post(sent), False, False)
        assert [response.status for response in transcript.responses] == [200, 200]
        assert upstream.requests[0].line == f"POST {passed} HTTP/1.1".encode()
        well_formed(upstream.requests[0])
        exchange = gateway.seen.exchanges[0]
        assert f"{exchange.path}?{exchange.query}".rstrip("?") == passed
        names = passed.partition("?")[0].removeprefix("/api/trpc/").split(",")
        assert [call.procedure for call in exchange.calls] == names
        assert exchange.route.name == "login"


@pytest.mark.parametrize(("sent", "status", "reason"), REFUSED.values(), ids=REFUSED)
async def test_a_spelling_with_another_reading_reaches_nobody(sent: str, status: int, reason: str):
    async with serving() as (gateway, upstream):
        transcript = await send_and_read(gateway.port, _post(sent), False, reason == "head_malformed")
        assert (transcript.responses[0].status, reason_of(transcript.responses[0])) == (status, reason)
        assert [one.line for one in upstream.requests if b"trpc" in one.line] == []
