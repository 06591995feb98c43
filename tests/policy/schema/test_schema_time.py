"""What the reading of JSON and its schema take together: microseconds for what apps send, at most 3 ms for whatever is sent."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from gateway.core.exchange import Call, Exchange
from gateway.policy.base.tools import Tools
from gateway.policy.schema.schema import Schema, build
from gateway.policy.schema.settings import SchemaFiles, Settings
from gateway.state.memory.store import MemoryStore
from tests.json_documents import HOSTILE
from tests.processor_time import takes_at_most

TEXT = {"type": "string"}
MESSAGE = {
    "type": "object",
    "properties": {"message": {"type": "string", "minLength": 1, "maxLength": 1000}, "language": TEXT, "context": TEXT},
    "required": ["message", "language"],
}
ROUTE: Any = SimpleNamespace(name="chat", named={"schemas": frozenset({"inputs"})}, error_format="superjson")


def stage(schema: object) -> Schema:
    return build("inputs", Settings(files=SchemaFiles("*.json", {"chat": orjson.dumps(schema)})), Tools(MemoryStore()))


def sent(body: bytes) -> Exchange:
    exchange = Exchange("POST", "/", {b"content-type": b"application/json"}, "192.0.2.1", 0.0)
    exchange.route = ROUTE
    exchange.calls = [Call("chat", ROUTE)]
    exchange.body = body
    return exchange


def test_a_call_of_1_kib_takes_15_us() -> None:
    judge = stage(MESSAGE)
    value = {"json": {"message": "Guten Tag! " * 60, "language": "de", "context": "x" * 270}}
    for body in (orjson.dumps(value), json.dumps(value).encode()):
        exchange = sent(body)
        assert 960 < len(body) <= 1_024
        assert judge.on_request(exchange) is None
        assert takes_at_most(15e-6 * 200, lambda: [judge.on_request(exchange) and None for _ in range(200)])  # noqa: B023  # called at once


@pytest.mark.parametrize("schema", [MESSAGE, {"items": TEXT}, {"additionalProperties": {"type": "null"}}], ids=str)
def test_a_hostile_body_is_judged_in_3_ms(schema: object) -> None:
    judge = stage(schema)
    slow = []
    for name, content in HOSTILE.items():
        exchange = sent(b'{"json":' + content + b"}")
        if not takes_at_most(0.003, lambda exchange=exchange: judge.on_request(exchange)):  # type: ignore[misc]  # the exchange of now
            slow.append(name)
    assert slow == []
