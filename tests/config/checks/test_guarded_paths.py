"""A looser route is reported where it reaches what a stricter one guards, unless the upstream says how it reads paths."""

import pytest

from tests.config.problems import Problems

HEAD = """
upstreams:
  api: {endpoints: [{url: "http://127.0.0.1:1"}]%s}
  twin: {endpoints: [{url: "http://127.0.0.1:1"}]%s}
  web: {endpoints: [{url: "http://127.0.0.1:2"}]}
  rpc: {endpoints: [{url: "http://127.0.0.1:3"}], trpc: {prefix: /api/trpc}%s}
auth: {token: {kind: jwt, algorithms: [HS256], secret: "0123456789-abcdefghijklmnopqrstuvwxyz-XYZ"}}
rate_limits: {few: {limit: 5/minute, key: [address]}}
bodies: {json: {max: 1KiB, types: [application/json]}}
lockouts: {accounts: {account: /email}}
listen: {egress: {port: 8181}}
routes:
"""
OPEN = "name: open, auth: public, upstream: api"
ADMIN = "name: admin, paths: [/api/admin], upstream: api, auth: token"


def entry(*routes: str, paths: str = "") -> str:
    written = f", paths: {{{paths}}}" if paths else ""
    return HEAD % (written, written, written) + "".join(f"  - {{{route}}}\n" for route in routes)


ANYTHING = OPEN + ", paths: [/api/*]"

REPORTED = {
    "no token": (ADMIN, ANYTHING),
    "no lockout": (
        "name: in, paths: [/api/in], methods: [POST], upstream: api, auth: public, lockout: accounts, body: json",
        ANYTHING + ", methods: [POST], body: json",
    ),
    "no limit": ("name: a, paths: [/api/a], upstream: api, auth: public, rate_limits: [few]", ANYTHING),
    "no body policy": ("name: a, paths: [/api/a], upstream: api, auth: public, body: json", ANYTHING),
    "closed": ("name: a, paths: [/api/a], deny: closed", ANYTHING),
    "closed without an upstream": ("name: a, paths: [/api/a/*], deny: closed", ANYTHING),
    "everything below": ("name: a, paths: [/api/a/*], upstream: api, auth: token", OPEN + ", paths: [/*]"),
    "one endpoint of two names": ("name: a, paths: [/api/a], upstream: twin, auth: token", ANYTHING),
    "head of get": (ADMIN, ANYTHING + ", methods: [HEAD]"),
    "another spelling of a prefix": (
        "name: a, paths: [/api/a/*], upstream: api, auth: token",
        OPEN + ", paths: [/api/A/b/*]",
    ),
    "procedures": ("name: a, procedures: [x.y], upstream: rpc, auth: token", "name: b, paths: [/api/*], upstream: rpc, auth: public"),
}  # fmt: skip


@pytest.mark.parametrize("routes", REPORTED.values(), ids=REPORTED)
def test_a_looser_pattern_over_a_stricter_route(routes: tuple[str, ...], problems_of: Problems) -> None:
    (problem,) = problems_of(entry(*routes))
    assert problem.startswith("routes[1].paths[0] takes other spellings of ")


@pytest.mark.parametrize(
    "paths", ["case: ignored, slash: ignored", "case: same, slash: same, suffix: same", "case: same"]
)
@pytest.mark.parametrize("routes", REPORTED.values(), ids=REPORTED)
def test_an_upstream_that_says_how_it_reads_paths(routes: tuple[str, ...], paths: str, problems_of: Problems) -> None:
    assert problems_of(entry(*routes, paths=paths)) == []


def test_what_is_missing_is_named(problems_of: Problems) -> None:
    assert problems_of(entry(ADMIN + ", rate_limits: [few]", ANYTHING)) == [
        "routes[1].paths[0] takes other spellings of /api/admin, which admin guards: this route is without its rate_limits, auth"
    ]


@pytest.mark.parametrize(
    "routes",
    [
        (ADMIN, "name: same, paths: [/api/*], upstream: api, auth: token"),
        ("name: a, paths: [/api/a], upstream: api, auth: public", "name: b, paths: [/api/*], upstream: api, auth: token"),
        ("name: a, paths: [/api/a], upstream: web, auth: token", ANYTHING),
        (ADMIN, ANYTHING + ", methods: [POST]"),
        ("name: a, paths: [/api/a], listener: egress, upstream: api, body: json", ANYTHING),
        (ADMIN, OPEN + ", paths: [/other/*, /api/info]"),
        (OPEN + ", paths: [/api/admin/open/*]", "name: a, paths: [/api/admin/*], upstream: api, auth: token"),
        ("name: a, paths: [/docs/*], upstream: api, auth: token", OPEN + ", paths: [/docs]"),
        (ADMIN, "name: off, paths: [/api/*], deny: closed"),
        ("name: a, procedures: [x.y], upstream: rpc, auth: token", ANYTHING),
    ],
    ids=[
        "the same policies", "stricter around", "another server", "other methods", "another listener", "elsewhere",
        "an exception by name", "the path above", "closed around", "procedures of another server",
    ],
)  # fmt: skip
def test_no_looser_pattern(routes: tuple[str, ...], problems_of: Problems) -> None:
    assert problems_of(entry(*routes)) == []


@pytest.mark.parametrize(
    ("looser", "spelling"),
    [
        ("paths: [/api/ADMIN]", "/api/ADMIN reads as /api/admin"),
        ("paths: [/api/admin/]", "/api/admin/ reads as /api/admin"),
        ("paths: [/api/admin.json]", "/api/admin.json reads as /api/admin"),
        ("paths: [/x], rewrite: /api/admin", "/api/admin reads as /api/admin"),
        ("paths: [/x], rewrite: /API/admin/", "/API/admin/ reads as /api/admin"),
    ],
)
@pytest.mark.parametrize("paths", ["", "case: ignored, slash: ignored"])
def test_one_path_that_reads_as_another(looser: str, spelling: str, paths: str, problems_of: Problems) -> None:
    (problem,) = problems_of(entry(ADMIN, f"{OPEN}, {looser}", paths=paths))
    assert spelling + ", which admin guards: this route is without its auth" in problem


def test_one_path_that_reads_as_another_nowhere(problems_of: Problems) -> None:
    looser = OPEN + ", paths: [/api/ADMIN, /api/admin/, /api/admin.json]"
    assert problems_of(entry(ADMIN, looser, paths="case: same, slash: same, suffix: same")) == []


@pytest.mark.parametrize("paths", ["", "case: same, slash: same, suffix: same"])
def test_a_pattern_that_takes_what_a_stricter_route_is_rewritten_to(paths: str, problems_of: Problems) -> None:
    guarded = "name: admin, paths: [/admin], rewrite: /internal/admin, upstream: api, auth: token"
    looser = OPEN + ", paths: [/internal/*]"
    (problem,) = problems_of(entry(guarded, looser, paths=paths))
    assert problem.startswith("routes[1].paths[0] takes /internal/admin too, which is what admin guards")
    closed = "name: off, paths: [/internal/admin], deny: inside only"
    assert problems_of(entry(guarded, closed, looser, paths="case: same, slash: same, suffix: same")) == []


@pytest.mark.parametrize("path", ["/API/trpc/x.y", "/api/TRPC/x.y/", "/api/trpc/x.y"])
def test_a_path_that_reads_as_a_procedure(path: str, problems_of: Problems) -> None:
    procedure = "name: a, procedures: [x.y], upstream: rpc, auth: token"
    assert problems_of(entry(procedure, f"name: b, paths: [{path}], upstream: rpc, auth: token")) != []
    assert problems_of(entry(procedure, f"name: b, paths: [/b], rewrite: {path}, upstream: rpc, auth: token")) != []


@pytest.mark.parametrize("host", ["localhost", "127.9.9.9", "LOCALHOST"])
def test_two_names_of_this_machine_are_one_server(host: str, problems_of: Problems) -> None:
    text = entry("name: a, paths: [/api/a], upstream: twin, auth: token", ANYTHING)
    text = text.replace(
        'twin: {endpoints: [{url: "http://127.0.0.1:1"}', f'twin: {{endpoints: [{{url: "http://{host}:1"}}'
    )
    assert len(problems_of(text)) == 1
    assert problems_of(text.replace(f"{host}:1", f"{host}:9")) == []


def test_a_fallback_leads_to_its_upstream_too(problems_of: Problems) -> None:
    text = entry("name: a, paths: [/api/a], upstream: web, auth: token", ANYTHING)
    assert problems_of(text) == []
    text = text.replace(
        'api: {endpoints: [{url: "http://127.0.0.1:1"}]',
        'api: {fallback: other, endpoints: [{url: "http://127.0.0.1:1"}]',
    )
    assert problems_of(text.replace("routes:\n", "fallbacks: {other: {upstream: web}}\nroutes:\n")) != []
