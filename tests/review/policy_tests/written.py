"""A small configuration for policy tests, and its files."""

from __future__ import annotations

from pathlib import Path

from gateway.config.load import load
from gateway.config.model import Config
from gateway.review.policy_tests.files import PolicyTest, read_tests

NOON = 1_801_396_800.0
ENTRY = """version: 1
upstreams:
  tutor:
    endpoints: [{url: "http://127.0.0.1:8787"}]
    trpc: {prefix: /api/trpc}
    request_headers: {set: {authorization: "Bearer ${KEY:-sk-very-secret}"}}
    breaker: resting
    fallback: gone
auth: {token: {kind: jwt, algorithms: [HS256], secret: "vY2n7QmZ-8sLr4Wd1xTgK0bHc6Jp9uAe3fXo5iNt", require: {type: access}}}
rate_limits:
  few: {limit: 2/minute, key: [address]}
  spare: {limit: 2/minute, key: [address]}
bodies: {json: {max: 1KiB, types: [application/json]}}
cors: {app: {origins: ["https://app.example"]}}
lockouts: {guesses: {account: /email, failures: 2, within: 15m, lock_for: 10m}}
breakers: {resting: {failures: 2, recover_after: 30s}}
fallbacks: {gone: {status: 503, json: {rests: true}}}
response_headers: {secure: {set: {x-safe: "yes"}}}
defaults: {auth: token, body: json, cors: app, response_headers: secure}
routes:
  - {name: closed, procedures: [admin.reset], auth: public, deny: "closed for the test"}
  - {name: login, procedures: [auth.login], methods: [POST], upstream: tutor, auth: public, lockout: guesses, batch: deny}
  - {name: few, paths: [/few], upstream: tutor, auth: public, rate_limits: [few]}
  - {name: mine, procedures: [notes.get, notes.all], upstream: tutor}
  - {name: below, paths: [/below/*], upstream: tutor, auth: public}
"""


def config_of(folder: Path, entry: str = ENTRY) -> Config:
    (folder / "upstreams.yaml").write_text(entry)
    found = load(folder / "upstreams.yaml", {})
    assert isinstance(found, Config), "\n".join(map(str, found))
    return found


def policy_tests(text: str, config: Config, folder: Path) -> list[PolicyTest]:
    """The tests that ``text`` is a list of."""
    file = folder / "written.yaml"
    file.write_text(f"tests:\n{text}")
    tests, problems, _ = read_tests([file], config, folder)
    assert problems == [], "\n".join(map(str, problems))
    return tests
