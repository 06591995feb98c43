"""Somebody edits the files and mistypes: each mistake has one message, where it was made, with what to write instead."""

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.model import Config

ENTRY = """\
version: 1
environment: development
include: [policies.yaml]
listen:
  host: 127.0.0.1
  port: 8080
  workers: 2
  trusted_proxies: [10.0.0.0/8]
  limits: {header_bytes: 16KiB, header_timeout: 10s}
ops: {host: 127.0.0.1, port: 9090, token: "${OPS}"}
upstreams:
  tutor:
    endpoints: [{url: "http://127.0.0.1:8787"}]
    timeouts: {connect: 2s, response: 14s}
    trpc: {prefix: /api/trpc, max_batch: 10}
    breaker: external
    fallback: mock
  toolkit:
    endpoints: [{url: "https://toolkit.rork.com"}]
defaults: {auth: access-token, cors: app, rate_limits: [per-client], body: json}
routes:
  - name: login
    procedures: [auth.login]
    methods: [POST]
    upstream: tutor
    auth: public
    rate_limits: [per-client, login]
    lockout: accounts
    batch: deny
  - name: user
    procedures: [user.get, user.update]
    upstream: tutor
  - name: avatar
    paths: [/api/users/me]
    upstream: toolkit
    rewrite: /users/me
    rate_limits: [per-client, per-user]
"""

POLICIES = """\
auth:
  access-token: {kind: jwt, algorithms: [HS256], secret: "${JWT}", require: {type: access}}
cors:
  app: {origins: ["https://linguamate.app"], methods: [GET, POST], credentials: true, max_age: 10m}
rate_limits:
  per-client: {limit: 300/minute, key: [address]}
  per-user: {limit: 20/minute, key: [principal]}
  login: {limit: 5/minute, key: [address]}
bodies:
  json: {max: 64KiB, types: [application/json]}
lockouts:
  accounts: {account: /email, failures: 10, everywhere: {failures: 100, within: 1h, lock_for: 1h}}
breakers:
  external: {failures: 5, ignore: {user: [500]}}
fallbacks:
  mock: {json: {}}
"""

SECRETS = {"JWT": "uG7qZ1xV0pTnB4cYwK9hRr2sLd8fMe6a", "OPS": "2c71d4e8ab5036cd17e49a02b6f85d9f"}


def problems(folder: Path, entry: str, policies: str) -> list[str]:
    (folder / "upstreams.yaml").write_text(entry)
    (folder / "policies.yaml").write_text(policies)
    loaded = load(folder / "upstreams.yaml", SECRETS)
    return [] if isinstance(loaded, Config) else [str(problem).removeprefix(f"{folder}/") for problem in loaded]


def test_without_a_mistake_there_is_no_message(tmp_path: Path) -> None:
    assert problems(tmp_path, ENTRY, POLICIES) == []
    assert not (load(tmp_path / "upstreams.yaml", SECRETS)).warnings  # type: ignore[union-attr]  # asserted above


# What is replaced by what, where the message is, and what it says besides the sentence.
TYPOS = [
    # keys
    ("verson: 1", "version: 1", "upstreams.yaml:1:1  verson", "did you mean version?"),
    ("includes: [", "include: [", "upstreams.yaml:3:1  includes", "did you mean include?"),
    ("default: {", "defaults: {", "upstreams.yaml:20:1  default", "did you mean defaults?"),
    ("upstream:\n  tutor:", "upstreams:\n  tutor:", "upstreams.yaml:11:1  upstream", "did you mean upstreams?"),
    ("route:\n", "routes:\n", "upstreams.yaml:21:1  route", "did you mean routes?"),
    ("{auht: acc", "{auth: acc", "upstreams.yaml:20:12  defaults.auht", "did you mean auth?"),
    ("    path: [/api/users", "    paths: [/api/users", "upstreams.yaml:34:5  routes[2].path", "did you mean paths?"),
    ("backend: toolkit", "upstream: toolkit", "upstreams.yaml:35:5  routes[2].backend", "did you mean upstream?"),
    (
        "rate-limits: [per-client, per",
        "rate_limits: [per-client, per",
        "upstreams.yaml:37:5",
        "did you mean rate_limits?",
    ),
    (
        "    zzz: 1\n    rewrite",
        "    rewrite",
        "upstreams.yaml:36:5  routes[2].zzz",
        "known: auth, batch, body, cors, deny",
    ),
    ("    timeouts: {total: 9s}\n    rewrite", "    rewrite", "upstreams.yaml:36:5", "belongs below upstreams.NAME"),
    ("rate_limit:\n  per", "rate_limits:\n  per", "policies.yaml:5:1  rate_limit", "did you mean rate_limits?"),
    ("limits:\n  per", "rate_limits:\n  per", "policies.yaml:5:1  limits", "did you mean rate_limits?"),
    ("secert: ", "secret: ", "policies.yaml:2:50  auth.access-token.secert", "did you mean secret?"),
    ("{lmit: 300", "{limit: 300", "policies.yaml:6:16  rate_limits.per-client.lmit", "did you mean limit?"),
    # names
    ("auth: acces-token", "auth: access-token", "upstreams.yaml:20:18  defaults.auth", "did you mean access-token?"),
    ("auth: publik", "auth: public", "upstreams.yaml:26:11  routes[0].auth", "did you mean public?"),
    ("upstream: toolkt", "upstream: toolkit", "upstreams.yaml:35:15  routes[2].upstream", "did you mean toolkit?"),
    ("auth: per-client\n", "auth: public\n", "upstreams.yaml:26:11  routes[0].auth", "name it after rate_limits"),
    ("[per-client, json]", "[per-client, login]", "upstreams.yaml:27:31", "json is one of bodies: name it after body"),
    (
        "fallback: external",
        "fallback: mock",
        "upstreams.yaml:17:15  upstreams.tutor.fallback",
        "external is one of breakers",
    ),
    ("ignore: {usr:", "ignore: {user:", "policies.yaml:14:41  breakers.external.ignore.usr", "did you mean user?"),
    (
        "- name: login\n    procedures: [user.get",
        "- name: user\n    procedures: [user.get",
        "upstreams.yaml:30:11",
        "line 22",
    ),
    # shapes
    ("auth: [a, b]", "auth: access-token", "upstreams.yaml:20:18  defaults.auth", "without brackets"),
    ("methods: POST", "methods: [POST]", "upstreams.yaml:24:14  routes[0].methods", "put it in brackets"),
    ("include: policies.yaml", "include: [policies.yaml]", "upstreams.yaml:3:10  include", "put it in brackets"),
    ("include: [policy.yaml]", "include: [policies.yaml]", "upstreams.yaml:3:11  include[0]", "start at the folder"),
    ('["https://toolkit.rork.com"]', '[{url: "https://toolkit.rork.com"}]', "upstreams.yaml:19:17", "write {url: "),
    ("trpc: /api/trpc\n#", "trpc: ", "upstreams.yaml:15:11  upstreams.tutor.trpc", "write keys and values below it"),
    ('endpoint: [{url: "https', 'endpoints: [{url: "https', "upstreams.yaml:19:5", "did you mean endpoints?"),
    # values
    ("response: 14}", "response: 14s}", "upstreams.yaml:14:39  upstreams.tutor.timeouts.response", "such as 500ms"),
    ("response: 14 s}", "response: 14s}", "upstreams.yaml:14:39  upstreams.tutor.timeouts.response", "such as 500ms"),
    ("header_bytes: 16kb", "header_bytes: 16KiB", "upstreams.yaml:9:26  listen.limits.header_bytes", "16KiB"),
    ("limit: 300", "limit: 300/minute", "policies.yaml:6:23  rate_limits.per-client.limit", "5/minute"),
    ("batch: no", "batch: deny", "upstreams.yaml:29:12  routes[0].batch", "allow or deny"),
    ("port: 8 080", "port: 8080", "upstreams.yaml:6:9  listen.port", "digits only"),
    ("port: 0x1F", "port: 8080", "upstreams.yaml:6:9  listen.port", "digits only"),
    ("workers: 1e", "workers: 2", "upstreams.yaml:7:12  listen.workers", "digits only"),
    ('version: "1"', "version: 1", "upstreams.yaml:1:10  version", "without quotes"),
    ("environment: Production", "environment: development", "upstreams.yaml:2:14  environment", "write production"),
    ("environment: prod", "environment: development", "upstreams.yaml:2:14  environment", "write production"),
    ("environment: PROD", "environment: development", "upstreams.yaml:2:14  environment", "write production"),
    ("environment: 'production '", "environment: development", "upstreams.yaml:2:14  environment", "write production"),
    ("[10.0.0.5/8]", "[10.0.0.0/8]", "upstreams.yaml:8:21  listen.trusted_proxies[0]", "without host bits"),
    ("methods: [post]", "methods: [POST]", "upstreams.yaml:24:15  routes[0].methods[0]", "use GET, HEAD, POST"),
    ("algorithms: [hs256]", "algorithms: [HS256]", "policies.yaml:2:42  auth.access-token.algorithms[0]", "HS256"),
    ("/api/users/:id]", "/api/users/me]", "upstreams.yaml:34:13  routes[2].paths[0]", "write /api/users/*"),
    ("[/api/users/{id}]", "[/api/users/me]", "upstreams.yaml:34:24", "put quotes around"),
    ('"/api/users/{id}/a"]', "/api/users/me]", "upstreams.yaml:34:13  routes[2].paths[0]", "write /api/users/*"),
    ("/api/users/**]", "/api/users/me]", "upstreams.yaml:34:13  routes[2].paths[0]", "write /api/users/*"),
    ("[api/users/me]", "[/api/users/me]", "upstreams.yaml:34:13  routes[2].paths[0]", "write /api/users/me"),
    ('"${JTW}"', '"${JWT}"', "policies.yaml:2:59  auth.access-token.secret", "set JTW"),
    # YAML
    ("\tport: 8080", "  port: 8080", "upstreams.yaml:6:1", "YAML takes no tabs"),
    (" port: 8080", "  port: 8080", "upstreams.yaml:6:2", "begin in one column"),
    ("    port: 8080", "  port: 8080", "upstreams.yaml:6:9", "look at the indentation"),
    ("port:8080", "port: 8080", "upstreams.yaml:6:3", "a blank behind"),
    ("procedures: [auth.login", "procedures: [auth.login]", "upstreams.yaml:24:12", "opened in line 23 is not closed"),
    ("https://linguamate.app]", 'https://linguamate.app"]', "policies.yaml:4:19", "close it"),
    ("port: 8080\n  port: 8081", "port: 8080", "upstreams.yaml:7:3  listen.port", "first in line 6"),
    ("  per-user: {limit: 1/day, key: [address]}\nbodies:", "bodies:", "policies.yaml:9:3", "first in line 7"),
]


@pytest.mark.parametrize(("typo", "right", "at", "hint"), TYPOS, ids=[typo[0].strip() for typo in TYPOS])
def test_a_mistake_has_one_message(tmp_path: Path, typo: str, right: str, at: str, hint: str) -> None:
    file = at.partition(":")[0]
    entry = ENTRY.replace(right, typo, 1) if file == "upstreams.yaml" else ENTRY
    policies = POLICIES.replace(right, typo, 1) if file == "policies.yaml" else POLICIES
    assert (entry, policies) != (ENTRY, POLICIES)
    (message,) = problems(tmp_path, entry, policies)
    assert message.startswith(f"{at}  ") or message.startswith(f"{at}."), message
    assert hint in message
