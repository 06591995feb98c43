"""From a canonical path to the route of a request: default deny, by name and by method."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.exchange import Exchange
from gateway.core.pattern import compile_paths, compile_procedures
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.routing.route import CompiledRoute, bind, with_verdict
from gateway.proxy.routing.table import REMEMBERED_BATCHES, RouteTable, TrpcMount


def route(name: str, *methods: str, no_batch: bool = False) -> CompiledRoute:
    return replace(bind(name, []), methods=frozenset(methods or ("GET", "POST")), no_batch=no_batch)


class Compiler:
    """Merges batches by joining names, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.merged: list[str] = []

    def merge(self, routes: tuple[CompiledRoute, ...]) -> CompiledRoute | str:
        self.merged.append("+".join(each.name for each in routes))
        return "batch_refused" if any(each.name == "r0" for each in routes) else route(self.merged[-1])

    def refusal(
        self, slug: str, error_format: str, allowed: tuple[str, ...], like: CompiledRoute | None
    ) -> CompiledRoute:
        self.like = like
        headers = tuple((b"allow", method.encode()) for method in allowed)
        return replace(with_verdict(bind("unmatched", []), refuse(slug, headers=headers)), error_format=error_format)


@pytest.fixture
def compiler() -> Compiler:
    return Compiler()


@pytest.fixture
def table(compiler: Compiler) -> RouteTable:
    procedures = [(f"many.r{number}", route(f"r{number}")) for number in range(60)]
    procedures += [("a.read", route("read", "GET")), ("a.single", route("single", no_batch=True))]
    mount = TrpcMount("/api/trpc/", "superjson", 3, {"a.old": "a.read"}, compile_procedures(procedures))
    files = replace(route("files", "GET"), prefixes=("/files/",), undivided=frozenset({"/files/"}))
    paths = [("/files/*", files), ("/files/*", route("write", "PUT")), ("/one", route("one", "GET"))]
    return RouteTable([mount], compile_paths(paths), compiler.merge, compiler.refusal, bind("unreadable", []))


def asked(target: str) -> Exchange:
    exchange = Exchange("GET", target, {}, "192.0.2.1", 0.0)
    exchange.path, _, exchange.query = target.partition("?")
    return exchange


def slug(found: CompiledRoute) -> str:
    assert isinstance(found.fixed, Refusal)
    return found.fixed.reason.slug


def test_several_routes_share_a_path_by_method(table: RouteTable) -> None:
    assert table.find(asked("/files/a"), "GET").name == "files"
    assert table.find(asked("/files/a"), "PUT").name == "write"


def test_what_no_route_names_is_refused(table: RouteTable) -> None:
    assert slug(table.find(asked("/two"), "GET")) == "no_route"
    assert slug(table.find(asked("/api/trpc/b.unknown"), "GET")) == "no_route"


def test_another_method_is_refused_with_those_of_all_routes_of_the_path(table: RouteTable) -> None:
    found = table.find(asked("/files/a"), "DELETE")
    assert isinstance(found.fixed, Refusal)
    assert found.fixed.headers == ((b"allow", b"GET"), (b"allow", b"PUT"))


def test_a_preflight_asks_for_another_method_than_its_own(table: RouteTable) -> None:
    exchange = asked("/files/a")
    exchange.method = "OPTIONS"
    assert table.find(exchange, "PUT").name == "write"


def test_an_alias_is_forwarded_as_the_procedure(table: RouteTable) -> None:
    exchange = asked("/api/trpc/a.old")
    assert table.find(exchange, "GET").name == "read"
    assert exchange.path == "/api/trpc/a.read"
    assert [call.procedure for call in exchange.calls] == ["a.read"]


def test_the_methods_of_a_batch_are_those_of_all_its_routes(table: RouteTable) -> None:
    assert table.find(asked("/api/trpc/a.read,many.r1?batch=1"), "GET").name == "r1+read"
    assert slug(table.find(asked("/api/trpc/a.read,many.r1?batch=1"), "POST")) == "method_not_allowed"


def test_a_refusal_below_a_mount_has_its_error_format(table: RouteTable) -> None:
    assert table.find(asked("/api/trpc/b.unknown"), "GET").error_format == "superjson"
    assert table.find(asked("/two"), "GET").error_format == "problem"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("many.r1,many.r2,many.r3,many.r4?batch=1", "batch_too_large"),
        ("many.r1,b.unknown?batch=1", "batch_malformed"),
        ("many.r1,a.single?batch=1", "batch_refused"),
        ("a.single,a.single?batch=1", "batch_refused"),
        ("many.r0,many.r1?batch=1", "batch_refused"),
    ],
)
def test_a_batch_that_is_refused(table: RouteTable, target: str, reason: str) -> None:
    assert slug(table.find(asked(f"/api/trpc/{target}"), "GET")) == reason


def test_a_batch_is_merged_once_in_whatever_order_it_is_asked_for(table: RouteTable, compiler: Compiler) -> None:
    first = table.find(asked("/api/trpc/many.r1,many.r2?batch=1"), "GET")
    assert table.find(asked("/api/trpc/many.r2,many.r1,many.r2?batch=1"), "GET") is first
    assert compiler.merged == ["r1+r2"]


def test_clients_cannot_fill_the_memory_with_batches(table: RouteTable, compiler: Compiler) -> None:
    pairs = [(first, second) for first in range(1, 60) for second in range(first + 1, 60)][: REMEMBERED_BATCHES + 1]
    for first, second in pairs:
        table.find(asked(f"/api/trpc/many.r{first},many.r{second}?batch=1"), "GET")
    made = len(compiler.merged)
    assert made == REMEMBERED_BATCHES + 1
    table.find(asked("/api/trpc/many.r1,many.r2?batch=1"), "GET")  # the first one has made room for the last
    assert len(compiler.merged) == made + 1


@pytest.mark.parametrize(
    ("target", "canonical", "forwarded"),
    [
        ("/%66iles/a%2Bb", "/files/a+b", "/files/a%2Bb"),
        ("/files/a+b", "/files/a+b", "/files/a+b"),
        ("/%6fne", "/one", "/one"),
        ("http://h/files/%7e?x", "/files/~", "/files/%7e"),
    ],
)
def test_what_no_route_names_is_forwarded_as_it_was_sent(
    table: RouteTable, target: str, canonical: str, forwarded: str
) -> None:
    exchange = Exchange("GET", target, {}, "192.0.2.1", 0.0)
    exchange.path = canonical
    assert table.find(exchange, "GET").fixed is None
    assert exchange.path == forwarded


def test_a_path_without_a_spelling_has_a_route_where_no_reading_leads_elsewhere(table: RouteTable) -> None:
    for target, method, expected in (
        ("/files/a%2Fb", "GET", "files"),
        ("http://h/files/a;b?c", "GET", "files"),
        ("/files/a%2Fb", "PUT", "path_ambiguous"),  # a route of which nobody said that its pattern is undivided
        ("/files/..%2Fb", "GET", "path_ambiguous"),
        ("/one;b", "GET", "path_ambiguous"),
    ):
        exchange = Exchange(method, target, {}, "192.0.2.1", 0.0)
        exchange.detail = "why"
        found = table.find(exchange, method)
        assert (slug(found) if found.fixed else found.name) == expected
        assert (exchange.path == "") == (expected == "path_ambiguous")
        assert (exchange.detail, found.fixed and found.name) in (("", None), ("why", "unreadable"))


@pytest.mark.parametrize(("query", "forwarded"), [("%62atch=1&x=%2f", "batch=1&x=%2F"), ("batch%00=1", None)])
def test_the_query_of_procedures_is_forwarded_as_it_was_read(
    table: RouteTable, query: str, forwarded: str | None
) -> None:
    exchange = asked(f"/api/trpc/a.read,a.read?{query}")
    found = table.find(exchange, "GET")
    if forwarded is None:
        assert slug(found) == "path_ambiguous"
    else:
        assert (len(exchange.calls), exchange.query) == (2, forwarded)
