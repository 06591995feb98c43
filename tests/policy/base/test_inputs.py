"""The values that the upstream reads, call by call. Hostile bodies are in tests/policy/rate_limit/test_rate_limit_calls.py."""

import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from gateway.core.exchange import Call, Exchange
from gateway.policy.base.inputs import inputs_of
from gateway.policy.base.pointer import MISSING


def exchange(
    method: str = "POST", calls: int = 0, query: str = "", body: Any = None, error_format: str = "superjson"
) -> Exchange:
    made = Exchange(method, "/", {}, "192.0.2.1", 0.0)
    made.calls = [Call("x")] * calls
    made.query = query
    made.body = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    made.route = SimpleNamespace(error_format=error_format)
    return made


def test_a_route_without_calls_has_its_body_as_the_one_input() -> None:
    assert inputs_of(exchange(body={"a": 1})) == [{"a": 1}]


@pytest.mark.parametrize("body", [None, b""])
def test_without_a_body_every_input_is_missing(body: bytes | None) -> None:
    assert inputs_of(exchange(body=body)) == (MISSING,)
    assert inputs_of(exchange(calls=2, query="batch=1", body=body)) == (MISSING, MISSING)


def test_each_call_of_a_batch_has_its_own_input_and_null_stands_for_one_that_is_left_out() -> None:
    body = {"0": {"json": 1}, "2": {"json": 3}, "9": {"json": "no call"}}
    assert inputs_of(exchange(calls=3, query="batch=1", body=body)) == [1, None, 3]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_get_is_read_from_its_query_whatever_its_body_holds(method: str) -> None:
    query = "input=" + quote(json.dumps({"json": {"a": 1}}))
    assert inputs_of(exchange(method, 1, query, body={"json": {"a": 2}})) == [{"a": 1}]


def test_without_a_transformer_the_values_themselves_are_the_inputs() -> None:
    assert inputs_of(exchange(calls=1, body={"json": 1}, error_format="none")) == [{"json": 1}]


@pytest.mark.parametrize("body", [b"{", b'{"a":1,"a":2}', b"\xff", b"NaN"])
def test_a_body_with_two_readings_or_none_has_no_inputs(body: bytes) -> None:
    for made in (exchange(body=body), exchange(calls=1, body=body)):
        with pytest.raises(ValueError):  # the sentence is core.trpc's
            inputs_of(made)
