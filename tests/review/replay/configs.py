"""One small configuration with something of every kind, and one-line changes to it."""

from __future__ import annotations

from pathlib import Path

from gateway.config.model import Config
from tests.review.replay.recording import made

ENTRY = """\
version: 1
include: [policies/*.yaml]
listen: {limits: {per_address: {requests: 50, unrouted: 100/second}}}
upstreams:
  tutor:
    endpoints: [{url: "http://127.0.0.1:1"}]
    trpc: {prefix: /api/trpc, max_batch: 3, aliases: {auth.signin: auth.login}}
    breaker: tutor
  other: {endpoints: [{url: "http://127.0.0.1:2"}]}
defaults: {auth: token, cors: app, rate_limits: [per-client], body: json, response_headers: secure}
routes:
  - {name: login, procedures: [auth.login], methods: [POST], upstream: tutor, auth: public, schema: inputs, lockout: accounts, rate_limits: [per-client, per-account], batch: deny}
  - {name: closed, procedures: [admin.wipe], upstream: tutor, deny: "not for anybody"}
  - {name: paid, procedures: [ai.ask], upstream: tutor, rate_limits: [per-client, per-user], schema: {none: "free text"}}
  - {name: chat, procedures: ["chat.*"], upstream: tutor, schema: {none: "free text"}}
  - {name: info, paths: [/info], methods: [GET], upstream: other, auth: public}
  - {name: trial, paths: [/trial], methods: [GET], upstream: other, auth: lenient}
"""

POLICIES = """\
auth:
  token: {kind: jwt, algorithms: [HS256], secret: "a-signing-secret-of-more-than-32-bytes", require: {type: access}, leeway: 5s}
  lenient: {kind: jwt, algorithms: [HS256], secret: "a-signing-secret-of-more-than-32-bytes", mode: report}
cors:
  app: {origins: ["https://linguamate.app"], methods: [GET, POST], request_headers: [content-type]}
rate_limits:
  per-client: {limit: 300/minute, burst: 60, key: [address]}
  per-user: {limit: 60/minute, burst: 10, key: [principal]}
  per-account: {limit: 100/minute, key: [address, "input:/email"]}
bodies:
  json: {max: 1KiB, types: [application/json], query: {max: 500, parameters: 5}}
schemas:
  inputs: {files: "inputs/*.json"}
lockouts:
  accounts: {account: /email, failures: 10, within: 15m, lock_for: 15m}
breakers:
  tutor: {failures: 3, recover_after: 30s}
response_headers:
  secure: {}
"""

LOGIN = '{"type": "object", "properties": {"email": {"type": "string"}}, "required": ["email"]}'


def config(folder: Path, change: tuple[str, str] | None = None) -> Config:
    """The configuration, in which ``change`` has a text in place of another one."""
    files = {"upstreams.yaml": ENTRY, "policies/all.yaml": POLICIES, "policies/inputs/auth.login.json": LOGIN}
    if change is not None:
        assert sum(text.count(change[0]) for text in files.values()) >= 1, change
        files = {name: text.replace(*change) for name, text in files.items()}
    folder.mkdir(exist_ok=True)
    return made(folder, files)


CHANGES = {
    "a lower limit": ("burst: 60", "burst: 4"),
    "a limit of users": ("60/minute, burst: 10", "6/minute, burst: 1"),
    "a limit by another key": ("60/minute, burst: 10, key: [principal]", "60/minute, burst: 10, key: [address]"),
    "an origin more": ('["https://linguamate.app"]', '["https://linguamate.app", "https://evil.example"]'),
    "an origin less": ('["https://linguamate.app"]', '["https://another.example"]'),
    "no requests without an origin": ("origins:", "no_origin: refuse, origins:"),
    "pages of other sites": ("origins:", "cross_site: allow, origins:"),
    "a field more in preflights": ("request_headers: [content-type]", "request_headers: [content-type, x-evil]"),
    "a method less in preflights": ("methods: [GET, POST], request", "methods: [GET], request"),
    "a smaller body": ("max: 1KiB", "max: 10"),
    "a larger body": ("max: 1KiB", "max: 100KiB"),
    "a shorter query": ("max: 500, parameters: 5", "max: 20, parameters: 1"),
    "a route that is closed": (
        'procedures: ["chat.*"], upstream: tutor, schema: {none: "free text"}',
        'procedures: ["chat.*"], upstream: tutor, deny: "closed"',
    ),
    "one that is opened": (', deny: "not for anybody"', ', schema: {none: "no input"}'),
    "one without a token": ("name: chat,", "name: chat, auth: public,"),
    "one with a token": ("upstream: other, auth: public", "upstream: other"),
    "a token that only reports": ("leeway: 5s}", "leeway: 5s, mode: report}"),
    "a token that is enforced": (", mode: report}", "}"),
    "another claim": ("require: {type: access}", "require: {type: refresh}"),
    "an alias less": ("aliases: {auth.signin: auth.login}", "aliases: {auth.signup: auth.login}"),
    "larger batches": ("max_batch: 3", "max_batch: 10"),
    "smaller batches": ("max_batch: 3", "max_batch: 1"),
    "batches of a route": (", batch: deny", ""),
    "another schema": ('"required": ["email"]', '"required": []'),
    "without the schema": ("schema: inputs,", 'schema: {none: "to be seen"},'),
    "a lockout less": ("lockout: accounts, ", ""),
    "another path": ("paths: [/info]", "paths: [/infos]"),
    "another upstream": (
        "methods: [GET], upstream: other, auth: public",
        "methods: [GET], upstream: tutor, auth: public",
    ),
    "a breaker that opens sooner": ("failures: 3,", "failures: 1,"),
    "no breaker": ("    breaker: tutor\n", ""),
    "fewer without a route": ("unrouted: 100/second", "unrouted: 5/minute"),
    "a proxy that is believed": ("listen: {", "listen: {trusted_proxies: [203.0.113.8], "),
}
