"""The stage that judges inputs by their schemas."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.core.exchange import Call, Exchange
from gateway.core.superjson import Input
from gateway.core.verdict import Refusal
from gateway.policy.base.inputs import checked_inputs
from gateway.policy.base.tools import Tools
from gateway.policy.schema.schema import _issues, _work, build
from gateway.policy.schema.settings import SchemaFiles, Settings
from gateway.state.memory.store import MemoryStore
from tests.processor_time import takes_at_most

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


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"items": {"anyOf": [{"const": index} for index in range(8, 0, -1)]}}, [1] * 32_000),
        ({"items": {"anyOf": [{"type": "string"}, {"type": "null"}, {"type": "number"}]}}, [1] * 32_000),
        ({"items": {"multipleOf": 0.1}}, [1] * 32_000),
        ({"items": {"multipleOf": 5}}, [5] * 32_000),
        ({"items": {"enum": [[index] for index in range(500)]}}, [[499]] * 2000),
        ({"items": {"type": "string"}}, [1] * 32_000),
        ({"uniqueItems": True}, list(range(12_000))),
        ({"items": {"format": "email"}}, ["a@b.co"] * 7200),
        ({"items": {"format": "uri"}}, ["a:b"] * 10_900),
        ({"items": {"format": "date-time"}}, ["2026-01-01T00:00:00Z"] * 2800),
        ({"items": {"pattern": "^[a-z]{1,50}$"}}, ["a"] * 16_000),
    ],
    ids=lambda value: str(value)[:50],
)
def test_64_kib_are_judged_in_time(schema: dict[str, Any], value: object) -> None:
    judge = stage(auth_login=schema)
    octets = len(json.dumps(value, separators=(",", ":")))
    assert octets <= 64 * 1024
    found = judge._schemas["auth.login"]
    route = SimpleNamespace(name="auth.login", named=NAMED, error_format="problem")

    def work() -> object:
        issues = _issues(found, value, _work(found, value, octets))
        exchange = Exchange("POST", "/", {}, "192.0.2.1", 0.0)
        exchange.route = route
        return judge._refusal("auth.login", exchange, issues)

    assert takes_at_most(0.003, work)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"items": {"anyOf": [{"const": index} for index in range(60, 0, -1)]}}, [1] * 2400),
        ({"items": {"anyOf": [{"const": index} for index in range(60, 1, -1)]}}, [1] * 2400),
        ({"items": {"type": "string"}}, [1] * 1900),
        ({"items": {"multipleOf": 0.1}}, [1] * 3000),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_batch_has_no_more_time_than_a_call(schema: dict[str, Any], value: object) -> None:
    judge = stage(auth_login=schema)
    exchange = call(*[value] * 10)
    exchange.body = json.dumps(json.loads(exchange.body or b""), separators=(",", ":")).encode()
    assert len(exchange.body) <= 64 * 1024
    checked = [Input(value)] * 10  # which the reading before would hardly let pass
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.policy.schema.schema.checked_inputs", lambda *_: checked)
        assert takes_at_most(0.003, lambda: judge.on_request(exchange))


def test_an_ordinary_input_is_judged_in_microseconds() -> None:
    schema = {"type": "object", "properties": {name: {"type": "string", "maxLength": 99} for name in "abcdefgh"}}
    value = {name: "x" * 90 for name in "abcdefgh"}
    judge = stage(auth_login=schema)
    exchange = call(value)
    checked = checked_inputs(exchange, 32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.policy.schema.schema.checked_inputs", lambda *_: checked)
        assert takes_at_most(1000 * 6e-6, lambda: [judge.on_request(exchange) for _ in range(1000)])


def test_a_call_without_a_schema_is_refused() -> None:
    assert slug(stage(auth_login=LOGIN).on_request(call({}, procedure="auth.logout"))) == "schema_refused"


@pytest.mark.parametrize(
    ("query", "refused"), [("page=1", ""), ("page=x", "schema_refused"), ("page=%", "path_ambiguous")]
)
def test_the_query_beside_a_form_is_judged_all_the_same(query: str, refused: str) -> None:
    exchange = Exchange("POST", "/hook", {b"content-type": b"multipart/form-data; boundary=b"}, "192.0.2.1", 0.0)
    exchange.route, exchange.query, exchange.form = SimpleNamespace(name="hook", error_format="problem"), query, True
    judged = stage(hook_query={"properties": {"page": {"pattern": "^[0-9]+$"}}})
    assert slug(judged.on_request(exchange)) == refused


def test_a_form_is_judged_while_it_is_read_and_not_here() -> None:
    exchange = call({"email": 1})
    assert stage().on_request(exchange) is not None, "there is no schema"
    exchange.form = True
    assert stage().on_request(exchange) is None
