"""No spelling leads past a stricter route: what an upstream may take for a guarded path is refused on a looser one."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gateway.config.load import load
from gateway.config.model import Config, Route
from gateway.config.path_guards import methods_of, missing
from gateway.core.exchange import Exchange
from gateway.core.pattern import compile_paths
from gateway.core.verdict import Refusal
from gateway.policy.base.tools import Tools
from gateway.proxy.compile.runtime import Runtime
from gateway.state.memory.store import MemoryStore

HEAD = """\
version: 1
upstreams:
  api: {endpoints: [{url: "http://127.0.0.1:1"}], trpc: {prefix: /api/trpc}, paths: {PATHS}}
auth: {token: {kind: jwt, algorithms: [HS256], secret: "0123456789-abcdefghijklmnopqrstuvwxyz-XYZ"}}
rate_limits: {few: {limit: 5/minute, key: [address]}}
routes:
  - {name: rpc, procedures: [auth.login], upstream: api, auth: public}
"""
IGNORED = "case: ignored, slash: ignored, suffix: ignored"


def loaded(routes: list[str], paths: str = IGNORED) -> Config | None:
    with tempfile.TemporaryDirectory() as folder:
        entry = Path(folder) / "upstreams.yaml"
        entry.write_text(
            HEAD.replace("PATHS", paths) + "".join(f"  - {{{route}, upstream: api}}\n" for route in routes)
        )
        found = load(entry, {})
        return found if isinstance(found, Config) else None


def taken(runtime: Runtime, path: str, method: str = "GET") -> str:
    """The name of the route that takes a request, or the reason of its refusal."""
    exchange = Exchange(method, path, {}, "192.0.2.1", 0.0)
    exchange.path = path
    route = runtime.routes.find(exchange, method)
    return route.fixed.reason.slug if isinstance(route.fixed, Refusal) else route.name


ADMIN = ["name: admin, paths: [/api/admin], auth: token", "name: open, paths: [/api/*], auth: public"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/admin", "admin"),
        ("/api/info", "open"),
        ("/api/", "open"),
        ("/api/Info/", "open"),
        ("/api/admins", "open"),
        ("/api/admin/x", "open"),
        ("/api/admin/", "path_ambiguous"),
        ("/api/ADMIN", "path_ambiguous"),
        ("/api/aDmin.json", "path_ambiguous"),
        ("/api/admin%20", "path_ambiguous"),
        ("/api/TRPC/auth.login", "path_ambiguous"),
        ("/api/Trpc", "path_ambiguous"),
        ("/api/trpc/auth.login", "rpc"),
        ("/API/admin", "no_route"),
    ],
)
async def test_spellings_on_a_looser_route(path: str, expected: str) -> None:
    config = loaded(ADMIN)
    assert config is not None
    assert taken(Runtime(config, Tools(MemoryStore())), path) == expected


async def test_methods_are_those_of_the_stricter_route() -> None:
    config = loaded(
        [
            "name: admin, paths: [/api/admin], methods: [GET, POST], auth: token",
            "name: open, paths: [/api/*], methods: [GET, POST, PUT], auth: public",
        ]
    )
    assert config is not None
    runtime = Runtime(config, Tools(MemoryStore()))
    for method, expected in (("GET", "path_ambiguous"), ("HEAD", "path_ambiguous"), ("POST", "path_ambiguous")):
        assert taken(runtime, "/api/ADMIN", method) == expected
    assert taken(runtime, "/api/ADMIN", "PUT") == "open", "as PUT /api/admin is"
    assert taken(runtime, "/api/admin", "PUT") == "open"


async def test_an_upstream_that_tells_spellings_apart_gets_them() -> None:
    config = loaded(ADMIN, "case: same, slash: same, suffix: same")
    assert config is not None
    runtime = Runtime(config, Tools(MemoryStore()))
    assert [taken(runtime, path) for path in ("/api/ADMIN", "/api/admin/", "/api/admin.json")] == ["open"] * 3


async def test_a_path_that_a_route_names_is_its_own() -> None:
    routes = ["name: docs, paths: [/docs/*], auth: token", "name: open, paths: [/docs, /Docs/open/*], auth: public"]
    config = loaded(routes)
    assert config is not None
    runtime = Runtime(config, Tools(MemoryStore()))
    expected = {
        "/docs": "open",
        "/docs/": "docs",
        "/docs/x": "docs",
        "/Docs/open/x": "path_ambiguous",
        "/DOCS": "no_route",
    }
    assert {path: taken(runtime, path) for path in expected} == expected


async def test_a_route_that_meets_no_stricter_one_pays_nothing() -> None:
    config = loaded([*ADMIN, "name: files, paths: [/files/*], auth: public"])
    assert config is not None
    by_name = {route.name: route.guarded is not None for route in Runtime(config, Tools(MemoryStore())).compiled}
    assert by_name == {"rpc": False, "admin": False, "open": True, "files": False}


# What a backend might make of a path. Each gives the handler's own path, in the spelling in which it was written.


def express(handlers: list[str], path: str) -> list[str]:
    """Those of ``handlers`` (exact paths, or mounts that end with ``*``) that Express runs: no case, one slash at the end.
    Compared with Express 5.1 for the paths of ``test_spellings_on_a_looser_route``."""
    found = []
    for handler in handlers:
        if handler.endswith("/*"):
            match = re.match(re.escape(handler[:-2]) + "(?=/|$)", path, re.ASCII | re.IGNORECASE)
            if match:
                found.append(handler[:-2] + (path[match.end() :] or "/"))
        elif re.fullmatch(re.escape(handler) + "/?", path, re.ASCII | re.IGNORECASE):
            found.append(handler)
    return found


def loosest(handlers: list[str], path: str) -> list[str]:
    """As a backend that folds all of Unicode, and ignores what a file system of Windows ignores, and formats."""

    def plain(text: str) -> str:
        parts = [part.rstrip(" .") for part in unquote(text).removesuffix("/").split("/")]
        return unicodedata.normalize("NFKC", "/".join(parts)).casefold()

    read, found = plain(path), []
    for handler in handlers:
        own = plain(handler.removesuffix("*"))
        if handler.endswith("/*"):
            if (read + "/").startswith(own + "/") or read.startswith(own + "."):
                count = handler.count("/") - 1
                found.append(handler[:-1] + "/".join(path.split("/")[1:][count:]))
        elif read == own or re.fullmatch(re.escape(own) + r"\.[^/]+", read):
            found.append(handler)
    return found


WORDS = ["api", "admin", "x"]
patterns = st.tuples(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3), st.sampled_from(["", "/*", "/*"])).map(
    lambda made: "/" + "/".join(made[0]) + made[1]
)
routes = st.tuples(
    st.sampled_from(["auth: public", "auth: token", "auth: public, rate_limits: [few]", "auth: public, deny: closed"]),
    st.lists(patterns, min_size=1, max_size=2, unique=True),
    st.sampled_from(["[GET]", "[POST]", "[GET, POST]"]),
)
words = st.sampled_from(
    [*WORDS, "ADMIN", "Api", "%EF%BD%81dmin", "admin.json", "admin.", "x%20", "%EF%BD%98", "a%C2%A0"]
)
paths = st.tuples(st.lists(words, min_size=1, max_size=4), st.sampled_from(["", "/"])).map(
    lambda made: "/" + "/".join(made[0]) + made[1]
)


def spellings(handler: str) -> list[str]:
    """How somebody would write the path of ``handler`` who looks for a way around its route."""
    path = handler.removesuffix("/*")
    below = path + "/x" if handler.endswith("*") else path
    wide = path.replace("a", "%EF%BD%81", 1).replace("x", "%EF%BD%98", 1)
    return [
        path,
        path.upper(),
        path + "/",
        path.title() + "/",
        path + ".json",
        path + ".",
        path + "%20/",
        wide,
        below.upper(),
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(routes, min_size=2, max_size=5),
    st.lists(st.tuples(paths, st.sampled_from(["GET", "POST", "HEAD"])), min_size=10, max_size=10),
)
async def test_no_reader_finds_a_stricter_route_than_the_one_that_decided(
    made: list[tuple[str, list[str], str]], requests: list[tuple[str, str]]
) -> None:
    config = loaded(
        [
            f"name: r{number}, paths: [{', '.join(written)}], methods: {methods}, {policies}"
            for number, (policies, written, methods) in enumerate(made)
        ]
    )
    assume(config is not None)
    assert config is not None
    runtime = Runtime(config, Tools(MemoryStore()))
    named = {route.name: route for route in config.routes}
    table = compile_paths([(path, route) for route in config.routes for path in route.paths])
    handlers = [path for route in config.routes for path in route.paths]

    def guard(path: str, method: str) -> Route | None:
        return next((route for route in table.every(path) if method in methods_of(route)), None)

    likely = [(path, method) for handler in handlers for path in spellings(handler) for method in ("GET", "POST")]
    for path, method in requests + likely:
        decided = named.get(taken(runtime, path, method))
        if decided is None or path in decided.paths:  # refused, or a path that is routed by its own name
            continue
        for reader in (express, loosest):
            for own in reader(handlers, path):
                meant = guard(own, method)
                assert meant is None or not missing(decided, meant), (path, method, own, decided.name, meant.name)
