"""The stage that judges inputs by their schemas."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.core.exchange import Call, Exchange
from gateway.core.verdict import Refusal
from gateway.policy.base.tools import Tools
from gateway.policy.schema.schema import build
from gateway.policy.schema.settings import SchemaFiles, Settings
from tests.memory_store import MemoryStore

LOGIN = {"type": "object", "properties": {"email": {"format": "email"}}, "required": ["email"]}
NAMED = {"schemas": frozenset({"inputs"})}
ROUTE = SimpleNamespace(name="hook", named=NAMED, error_format="superjson")
OTHER = SimpleNamespace(name="other", named={"schemas": frozenset()}, error_format="superjson")


def stage(**schemas: object) -> Any:
    contents = {name.replace("_", "."): json.dumps(schema).encode() for name, schema in schemas.items()}
    return build("inputs", Settings(files=SchemaFiles("*.json", contents)), Tools(MemoryStore()))


def call(*values: object, routes: Any = None, procedure: str = "auth.login") -> Exchange:
    exchange = Exchange("POST", "/", {b"content-type": b"application/json"}, "192.0.2.1", 0.0)
    exchange.route = ROUTE
    exchange.calls = [Call(procedure, route) for route in routes or [ROUTE] * len(values)]
    body: object = {"json": values[0]}
    if len(values) > 1:
        exchange.query = "batch=1"
        body = {str(index): {"json": value} for index, value in enumerate(values)}
    exchange.body = json.dumps(body).encode()
    return exchange


def slug(verdict: Refusal | None) -> str:
    return verdict.reason.slug if verdict else ""


def test_an_input_as_the_schema_says_passes() -> None:
    exchange = call({"email": "a@b.co"})
    before = exchange.body
    assert stage(auth_login=LOGIN).on_request(exchange) is None
    assert exchange.body is before


@pytest.mark.parametrize("value", [{"email": "a"}, {}, None, [], "x"])
def test_another_is_refused(value: object) -> None:
    assert slug(stage(auth_login=LOGIN).on_request(call(value))) == "schema_refused"


def test_one_bad_call_refuses_its_batch() -> None:
    good = {"email": "a@b.co"}
    assert slug(stage(auth_login=LOGIN).on_request(call(good, good))) == ""
    assert slug(stage(auth_login=LOGIN).on_request(call(good, {}))) == "schema_refused"


def test_calls_of_other_routes_are_not_judged() -> None:
    exchange = call({"email": "a@b.co"}, {}, routes=[ROUTE, OTHER])
    assert stage(auth_login=LOGIN).on_request(exchange) is None


def test_a_call_without_a_schema_is_refused() -> None:
    assert slug(stage(auth_login=LOGIN).on_request(call({}, procedure="auth.logout"))) == "schema_refused"
