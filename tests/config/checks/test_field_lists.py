"""Fields that one rule lets through and another one drops: each is a warning, and the shipped files have none."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.model import Config
from tests.config.problems import Problems

ENTRY = """
LISTEN
upstreams:
  tutor: {endpoints: [{url: "http://127.0.0.1:1"}], request_headers: {TUTOR}}
  other: {endpoints: [{url: "http://127.0.0.1:2"}], request_headers: {OTHER}}
auth: {token: {kind: jwt, algorithms: [HS256], secret: "a-test-secret-of-more-than-32-bytes!"}}
cors: {app: {origins: ["https://a.example"], CORS}}
bodies: {json: {types: [application/json]}, form: {types: [multipart/form-data, application/json]}}
response_headers: {own: {OWN}}
rate_limits: {few: {limit: 5/minute, key: [KEY]}}
defaults: {auth: public, cors: app, response_headers: own, rate_limits: [few]}
routes:
  - {name: one, paths: [/one], upstream: tutor, MORE}
  - {name: two, paths: [/two], upstream: other}
  - {name: closed, paths: [/three], deny: closed, auth: token}
"""
PLAIN = {"LISTEN": "", "TUTOR": "", "OTHER": "", "CORS": "", "OWN": "", "KEY": "address", "MORE": "methods: [GET]"}


def entry(**parts: str) -> str:
    text = ENTRY
    for word, part in {**PLAIN, **parts}.items():
        text = text.replace(word, part)
    return text


FOUND = {
    "nothing": ({}, []),
    "removed everywhere": (
        {"TUTOR": "remove: [x-session-id]", "OTHER": "remove: [X-Session-Id]", "CORS": "request_headers: [x-session-id]"},
        ["cors.app.request_headers[0] names x-session-id, which no upstream behind it gets: other, tutor has it in remove"],
    ),
    "removed somewhere": (
        {"TUTOR": "remove: [traceparent]", "CORS": "request_headers: [traceparent]"},
        [],
    ),
    "a token that the gateway verifies": (
        {"TUTOR": "remove: [authorization]", "OTHER": "remove: [authorization]", "MORE": "auth: token"},
        [],
    ),
    "a token that nobody reads": (
        {"TUTOR": "remove: [authorization]", "OTHER": "remove: [authorization]"},
        ["cors.app.request_headers[1] names authorization, which no upstream behind it gets: other, tutor has it in remove"],
    ),
    "exposed and removed": (
        {"CORS": "expose_headers: [x-own, ratelimit, etag]", "OWN": "remove: [x-own, ratelimit]"},
        [
            "cors.app.expose_headers[0] exposes x-own, which response_headers own removes, as on the route one",
            "cors.app.expose_headers[1] exposes ratelimit, which response_headers own removes, as on the route one",
        ],
    ),
    "exposed and never there": (
        {"CORS": "expose_headers: [server, set-cookie, connection, alt-svc, content-length, x-any]"},
        [
            f"cors.app.expose_headers[{index}] exposes {name}, which no page gets, as on the route one"
            for index, name in enumerate(["server", "set-cookie", "connection", "alt-svc"])
        ],
    ),
    "exposed and set": ({"CORS": "expose_headers: [server, x-own]", "OWN": "set: {server: us, x-own: '1'}"}, []),
    "a token that no page can send": (
        {"CORS": "request_headers: [content-type]", "MORE": "auth: token"},
        ["cors.app.request_headers lacks authorization, so no page can send a token as the route one needs it"],
    ),
    "JSON that no page can send": (
        {"CORS": "request_headers: [authorization]", "MORE": "methods: [POST], body: json"},
        ["cors.app.request_headers lacks content-type, so no page can send application/json as the route one needs it"],
    ),
    "a form that pages can send": ({"CORS": "request_headers: []", "MORE": "methods: [POST], body: form"}, []),
    "counted and not allowed": (
        {"KEY": "address, 'header:X-Tenant'"},
        [
            "rate_limits.few.key counts by x-tenant, which cors app lets no page send, so that all pages share one count, "
            "as on the route one"
        ],
    ),
    "counted and allowed": (
        {"KEY": "address, 'header:X-App-Version', 'header:user-agent'", "CORS": "request_headers: [x-app-version]"},
        [],
    ),
    "counted and never there": (
        {"KEY": "address, 'header:x_tenant'"},
        [
            "rate_limits.few.key counts by x_tenant, which no request has: only letters, digits and hyphens are taken in a "
            "name"
        ],
    ),
    "two lists of an upstream": (
        {"TUTOR": "set: {x-a: '1', x-b: '2'}, remove: [x-a, x-c], pass: [x-b, x-c]"},
        [
            "upstreams.tutor.request_headers.remove[0] names x-a, which set names too: what is set is sent",
            "upstreams.tutor.request_headers.remove[1] names x-c, which pass names too: it does not pass",
            "upstreams.tutor.request_headers.pass[0] names x-b, which set names too: what clients send does not pass",
        ],
    ),
    "fields of no proxy": (
        {"LISTEN": "listen: {trusted_fields: forwarded}"},
        ["listen.trusted_fields names the fields of trusted proxies, and there are none"],
    ),
    "fields without a client": (
        {"LISTEN": "listen: {trusted_fields: [X-Forwarded-Proto], trusted_proxies: [10.0.0.0/8]}"},
        ["listen.trusted_fields has no field that says who the client is, so all clients of a proxy are one"],
    ),
    "named fields of a proxy": ({"LISTEN": "listen: {trusted_fields: [forwarded, x-forwarded-port], trusted_proxies: [10.0.0.0/8]}"}, []),
    "fields of a proxy": ({"LISTEN": "listen: {trusted_fields: forwarded, trusted_proxies: [10.0.0.0/8]}"}, []),
}  # fmt: skip


def about_fields(warnings: list[str]) -> list[str]:
    """Without those of other checks: about what is unused, and about limits that strangers can use up."""
    return sorted(one for one in warnings if "use" not in one.split(" ", 1)[1][:12] and "stranger" not in one)


@pytest.mark.parametrize(("parts", "found"), FOUND.values(), ids=FOUND)
def test_each_finding_is_one_warning(parts: dict[str, str], found: list[str], warnings_of: Problems) -> None:
    assert about_fields(warnings_of(entry(**parts))) == sorted(found)


def test_the_shipped_files_have_none() -> None:
    root = Path(__file__).parents[3]
    names = ("JWT_SECRET", "GATEWAY_OPS_TOKEN", "GATEWAY_STATE_KEY", "TOOLKIT_API_KEY")
    loaded = load(root / "upstreams.yaml", {name: f"{name}-4f9c1d7e82a6b3055d1e7f9a0c3b" for name in names})
    assert isinstance(loaded, Config)
    assert [str(warning) for warning in loaded.warnings] == []
