"""Requests of every kind, chosen at random."""

from __future__ import annotations

from random import Random

from gateway.core.failure import CallFailure
from gateway.review.dry_run.request import DryRequest
from gateway.review.dry_run.response import ScriptedResponse

_NAMES = (
    "auth.login",
    "auth.signin",
    "admin.wipe",
    "ai.ask",
    "ai.ask",
    "chat.send",
    "chat.list",
    "chat.send",
    "nothing.here",
)
_PATHS = ("/info", "/info", "/trial", "/info", "/info/", "/trial", "//info", "/%69nfo", "/a/../info", "/nowhere")
_BODIES = (b'{"json":{"email":"a@b.co"}}', b'{"json":{}}', b"{", b"x" * 2000)
_FAILED = ScriptedResponse(failure=CallFailure.CONNECT)


def request(random: Random) -> DryRequest:
    """Any request."""
    choose = random.choice
    fields: dict[str, str] = {}
    method = choose(("GET", "GET", "POST", "POST", "POST", "OPTIONS", "PUT"))
    if random.random() < 0.7:
        fields["origin"] = choose(("https://linguamate.app",) * 4 + ("https://evil.example",))
    elif random.random() < 0.5:
        fields["sec-fetch-site"] = choose(("cross-site", "same-site", "none"))
        if random.random() < 0.5:
            fields["referer"] = choose(("https://linguamate.app/x?y", "https://evil.example/a"))
    if method == "OPTIONS":
        fields["access-control-request-method"] = choose(("POST", "GET", "DELETE"))
        fields["access-control-request-headers"] = choose(("content-type", "x-evil"))
    claims = None
    if random.random() < 0.6:
        claims = {"sub": f"u{random.randrange(3)}", "type": choose(("access", "access", "access", "refresh"))}
    elif random.random() < 0.4:
        fields["authorization"] = choose(("Bearer abc", "Basic x"))
    query = []
    if random.random() < 0.8:
        names = [choose(_NAMES) for _ in range(choose((1, 1, 1, 1, 1, 2, 3, 4)))]
        target = "/api/trpc/" + ",".join(names)
        if len(names) > 1 or random.random() < 0.3:
            query.append("batch=1")
    else:
        target = choose(_PATHS)
    query += choose(([], [], ["input=" + "x" * 30], ["a=1"] * 8, ["a;b;c"]))
    body = b""
    if method in ("POST", "PUT"):
        body = choose(_BODIES)
        fields["content-type"] = choose(
            ("application/json", "application/json", "Application/JSON; charset=utf-8", "text/plain")
        )
    whole = target + ("?" + "&".join(query) if query else "")
    address = choose(("203.0.113.7", "203.0.113.8", "2001:db8::1"))
    return DryRequest(method, whole, fields, body, address=address, claims=claims)


def response(random: Random) -> ScriptedResponse:
    """How its upstream responds, where it is called."""
    return _FAILED if random.random() < 0.2 else ScriptedResponse(random.choice((200, 200, 200, 401, 500, 503)))
