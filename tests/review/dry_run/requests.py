"""Some hundreds of requests to the shipped configuration: what clients send, and what they may not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from gateway.core.failure import CallFailure
from gateway.demo.procedures import PROCEDURES
from gateway.review.dry_run.request import DryRequest
from gateway.review.dry_run.response import ScriptedResponse
from tests.tutor_inputs import CASES

APP = {"origin": "https://linguamate.app"}
CLOSE = {"connection": "close"}  # so that each request has a connection of its own, in a dry run and in a real one
WELL = ScriptedResponse(fields=CLOSE)
CLAIMS = {"sub": "u1", "sid": "s1"}


@dataclass(frozen=True, slots=True)
class Sent:
    """One request, what its upstream says, and the seconds that pass before."""

    request: DryRequest
    response: ScriptedResponse = WELL
    after: float = 1.0


def _call(
    name: str, given: Any, method: str, fields: Mapping[str, str] = APP, claims: Mapping[str, object] | None = None
) -> DryRequest:
    octets = json.dumps(given).encode()
    if method == "GET":
        return DryRequest("GET", f"/api/trpc/{name}?input={quote(octets)}", fields, claims=claims, address="127.0.0.1")
    typed = {**fields, "content-type": "application/json"}
    return DryRequest("POST", f"/api/trpc/{name}", typed, octets, "127.0.0.1", claims)


def _plain(method: str, target: str, body: bytes = b"", /, **more: Any) -> DryRequest:
    return DryRequest(method, target, more.pop("fields", {}), body, "127.0.0.1", **more)


def _procedures() -> Iterator[Sent]:
    for name, case in CASES.items():
        method = "GET" if PROCEDURES[name].kind == "query" else "POST"
        yield Sent(_call(name, case.good, method, claims=CLAIMS))
        yield Sent(_call(name, case.bad, method, claims=CLAIMS))
        yield Sent(_call(name, case.good, method))


def _auth() -> Iterator[Sent]:
    mine = CASES["user.get"].good
    for claims in ({"type": "refresh"}, {"exp": 1}, {"iat": 9e9}, {"sub": ""}, {"aud": "x"}, {"exp": "soon"}, CLAIMS):
        yield Sent(_call("user.get", mine, "GET", claims=claims))
    for header in ("Bearer a.b.c", "Basic eDp4", "Bearer", "bearer x", f"Bearer {'a' * 5000}.b.c", ""):
        yield Sent(_call("user.get", mine, "GET", {**APP, "authorization": header}))


def _cors() -> Iterator[Sent]:
    for origin in (
        "https://linguamate.app",
        "https://evil.example",
        "null",
        "https://linguamate.app.evil.example",
        "x, y",
    ):
        yield Sent(_plain("GET", "/api/info", fields={"origin": origin}))
        for method, headers in (("POST", "content-type"), ("DELETE", ""), ("POST", "x-evil")):
            asked = {
                "origin": origin,
                "access-control-request-method": method,
                "access-control-request-headers": headers,
            }
            yield Sent(_plain("OPTIONS", "/api/trpc/auth.login", fields=asked))
    yield Sent(_plain("OPTIONS", "/api/info"))
    yield Sent(_plain("GET", "/api/info", fields={"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}))


def _heads() -> Iterator[Sent]:
    targets = (
        "/", "/nothing", "/api/info/", "/api//info", "/api/%69nfo", "/api/../info", "/a%2fb", "/a%00b", "/api/info;x", "/%zz",
        "*", "http://gateway.example/api/info", "http://other.example/api/info", "/api/info?a=%", "/api/info#x", "/ü", "/a b",
        f"/{'a' * 20000}", "/api/trpc", "/api/trpc/", "/api/trpc/none", "/api/trpc/auth.login/", "/api/trpc/auth.nothing",
    )  # fmt: skip
    for target in targets:
        yield Sent(_plain("GET", target))
    for method in ("PUT", "DELETE", "HEAD", "TRACE", "PATCH", "BREW", "OPTIONS", "get"):
        yield Sent(_plain(method, "/api/info"))
    for fields in (
        {"host": "a, b"}, {"host": ""}, {"expect": "x"}, {"content-length": "x"}, {"transfer-encoding": "gzip"},
        {"x": "a" * 20000}, {"connection": "close"}, {"x-forwarded-for": "1.2.3.4"}, {"upgrade": "websocket", "connection": "upgrade"},
        {"sec-websocket-key1": "x"}, {"x-request-id": "x" * 300}, {"accept-encoding": "gzip", "if-none-match": "*"},
    ):  # fmt: skip
        yield Sent(_plain("GET", "/api/info", fields=fields))
    yield Sent(_plain("GET", "/api/info", fields=[("a: b", "c")]))
    yield Sent(_plain("GET", "/api/info", http="1.0"))
    yield Sent(_plain("GET", "/api/info", http="1.2"))


def _batches() -> Iterator[Sent]:
    for names in (
        "lessons.getAll,leaderboard.get", "lessons.getAll,none.such", "auth.login,auth.login", "lessons.getAll,user.get",
        "lessons.getAll,", ",".join(["lessons.getAll"] * 10), ",".join(["lessons.getAll"] * 11), "lessons.getAll,auth.resetPassword",
        "leaderboard.searchUsers,lessons.getAll",
    ):  # fmt: skip
        for query in (
            "batch=1",
            "batch=1&input=%7B%7D",
            "batch=2",
            "batch=1&input=%7B%220%22%3A%7B%22json%22%3Anull%7D%7D",
        ):
            yield Sent(_plain("GET", f"/api/trpc/{names}?{query}", fields=APP))
            yield Sent(_plain("GET", f"/api/trpc/{names}?{query}", fields=APP, claims=CLAIMS))


def _bodies() -> Iterator[Sent]:
    json_type = {"content-type": "application/json"}
    for body in (b"", b"{", b"[]", b'{"json":1,"json":2}', b'{"json":{}}', b"\xff", b" " * 70_000, b"[" * 5000, b"{}"):
        yield Sent(_plain("POST", "/api/trpc/auth.signup", body, fields=json_type))
        yield Sent(_plain("POST", "/api/toolkit/text/llm", body, fields=json_type, claims=CLAIMS))
    for content_type in (
        "text/plain",
        "application/json; charset=latin-1",
        "multipart/form-data",
        "",
        "APPLICATION/JSON",
    ):
        yield Sent(_plain("POST", "/api/trpc/auth.signup", b"{}", fields={"content-type": content_type}))
    yield Sent(_plain("POST", "/api/trpc/auth.signup", b"{}", fields={**json_type, "content-encoding": "gzip"}))
    chunks = b"2\r\n{}\r\n0\r\n\r\n"
    yield Sent(_plain("POST", "/api/trpc/auth.signup", chunks, fields={**json_type, "transfer-encoding": "chunked"}))
    yield Sent(_plain("POST", "/api/trpc/auth.signup", b"x\r\n", fields={**json_type, "transfer-encoding": "chunked"}))
    yield Sent(_plain("GET", "/api/info", b"{}", fields=json_type))


def _forms() -> Iterator[Sent]:
    wav = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00"
    for name, file_type, content in (
        ("audio", "audio/wav", wav), ("audio", "audio/wav", b"not sound"), ("audio", "text/html", b"<p>"), ("other", "audio/wav", wav),
    ):  # fmt: skip
        head = f'--b\r\ncontent-disposition: form-data; name="{name}"; filename="a.wav"\r\ncontent-type: {file_type}\r\n\r\n'
        body = head.encode() + content + b"\r\n--b--\r\n"
        fields = {"content-type": "multipart/form-data; boundary=b"}
        yield Sent(_plain("POST", "/api/stt/transcribe", body, fields=fields, claims=CLAIMS))
        yield Sent(_plain("POST", "/api/stt/transcribe", body[:-6], fields=fields, claims=CLAIMS))


def _guesses() -> Iterator[Sent]:
    """Wrong passwords until limits and the lockout refuse them, and time passing."""
    wrong = ScriptedResponse(401, CLOSE, b'{"error":{}}')
    for after in (1.0, *[0.0] * 6, *[13.0] * 12, 300.0, 900.0):
        yield Sent(_call("auth.login", CASES["auth.login"].good, "POST"), wrong, after)
    yield Sent(_call("auth.login", CASES["auth.login"].good, "POST"), after=4000.0)


def _failures() -> Iterator[Sent]:
    """An upstream that fails until its breaker rests, and a fallback in its place."""
    asked = {"messages": [{"role": "user", "content": "hi"}]}
    request = _plain(
        "POST",
        "/api/toolkit/text/llm",
        json.dumps(asked).encode(),
        fields={"content-type": "application/json"},
        claims=CLAIMS,
    )
    for failure in (CallFailure.RESET, CallFailure.BROKEN, CallFailure.RESET):
        yield Sent(request, ScriptedResponse(failure=failure))
    for status in (200, 404, 500, 502, 503, 503, 503, 503, 503, 200, 200):
        yield Sent(request, ScriptedResponse(status, CLOSE, b'{"a":1}'))
    yield Sent(request, after=70.0)
    yield Sent(request)
    yield Sent(_plain("GET", "/api/info"), ScriptedResponse(204, CLOSE))
    yield Sent(_plain("HEAD", "/api/info"), ScriptedResponse(200, CLOSE))
    yield Sent(
        _plain("GET", "/api/info"), ScriptedResponse(200, {**CLOSE, "set-cookie": "a=b", "server": "x"}, b"x" * 100_000)
    )


def _many() -> Iterator[Sent]:
    """More in a moment than a limit lets pass."""
    for _ in range(70):
        yield Sent(_plain("GET", "/api/info", fields=APP), after=0.0)


GROUPS = {
    "procedures": _procedures, "auth": _auth, "cors": _cors, "heads": _heads, "batches": _batches, "bodies": _bodies,
    "forms": _forms, "guesses": _guesses, "failures": _failures, "many": _many,
}  # fmt: skip

SENT: tuple[Sent, ...] = tuple(sent for group in GROUPS.values() for sent in group())
