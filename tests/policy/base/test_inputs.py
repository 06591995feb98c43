"""The values that the upstream reads, call by call, and the requests that have no reading which is certain to be its own."""

import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from gateway.core.exchange import Call, Exchange
from gateway.policy.base.inputs import (
    LONGEST_BODY,
    MediaTypeError,
    checked_inputs,
    inputs_of,
    malformed,
    unreadable,
    value_at,
)
from gateway.policy.base.pointer import MISSING
from tests.processor_time import takes_at_most

JSON = {b"content-type": b"application/json"}


def exchange(
    method: str = "POST",
    calls: int = 0,
    query: str = "",
    body: Any = None,
    error_format: str = "superjson",
    fields: dict[bytes, bytes] | None = None,
) -> Exchange:
    made = Exchange(method, "/", JSON if fields is None else fields, "192.0.2.1", 0.0)
    made.calls = [Call("x")] * calls
    made.query = query
    made.body = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    made.route = SimpleNamespace(error_format=error_format)
    return made


def test_a_route_without_calls_has_its_body_as_the_one_input() -> None:
    assert inputs_of(exchange(body={"a": 1})) == [{"a": 1}]


@pytest.mark.parametrize("body", [None, b""])
def test_without_a_body_every_input_is_missing(body: bytes | None) -> None:
    assert inputs_of(exchange(body=body, fields={})) == (MISSING,)
    assert inputs_of(exchange(calls=2, query="batch=1", body=body, fields={})) == (MISSING, MISSING)


def test_each_call_of_a_batch_has_its_own_input_and_null_stands_for_one_that_is_left_out() -> None:
    assert inputs_of(exchange(calls=3, query="batch=1", body={"0": {"json": 1}, "2": {"json": 3}})) == [1, None, 3]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_get_is_read_from_its_query(method: str) -> None:
    query = "input=" + quote(json.dumps({"json": {"a": 1}}))
    assert inputs_of(exchange(method, 1, query)) == [{"a": 1}]
    assert inputs_of(exchange(method, 1, query, fields={})) == [{"a": 1}]
    assert inputs_of(exchange(method, 1, "")) == [None]


def test_without_a_transformer_the_values_themselves_are_the_inputs() -> None:
    assert inputs_of(exchange(calls=1, body={"json": 1}, error_format="none")) == [{"json": 1}]


@pytest.mark.parametrize("body", [b"{", b'{"a":1,"a":2}', b"\xff", b"NaN", b"\xef\xbb\xbf{}", b'{"__proto__":1}'])
def test_a_body_with_two_readings_or_none_has_no_inputs(body: bytes) -> None:
    for made in (exchange(body=body), exchange(calls=1, body=body)):
        with pytest.raises(ValueError):  # the sentence is core.strict_json's
            inputs_of(made)


@pytest.mark.parametrize("calls", [0, 1])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_content_of_a_method_without_content_is_read_by_some(method: str, calls: int) -> None:
    query = "input=" + quote('{"json":{"email":"decoy"}}')
    with pytest.raises(ValueError, match="without content"):
        inputs_of(exchange(method, calls, query if calls else "", body={"json": {"email": "victim"}}))


@pytest.mark.parametrize("query", ["input=%7B%7D", "x=1&input=%7B%7D", "Input=1", "batch=1&input%5B%5D=1"])
def test_an_input_in_the_query_beside_the_content(query: str) -> None:
    with pytest.raises(ValueError, match="the query holds"):
        inputs_of(exchange(calls=1, query=query, body={"json": {}}))


@pytest.mark.parametrize(
    "query",
    [
        "email=victim", "Email=victim", "x=1&email[]=victim", "e-mail=victim", "email.x=1", "a;email=v",
        "+" * 300 + "email=victim", "%20" * 86 + "email=victim",  # blanks that PHP skips
        "%u0065mail=victim", "%65mai%6C=victim", "?email=victim", '"email"=victim', "%C3=1",
    ],
)  # fmt: skip
def test_a_parameter_of_a_path_that_frameworks_put_beside_the_content(query: str) -> None:
    made = exchange(query=query, body={"email": "decoy"})
    with pytest.raises(ValueError, match="query"):
        value_at(made, inputs_of(made)[0], ("email",))
    made = exchange(query="locale=es&mail=x", body={"email": "decoy"})
    assert value_at(made, inputs_of(made)[0], ("email",)) == "decoy"


@pytest.mark.parametrize(
    "sent",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        'application/json ; Charset="utf-8" ',
    ],
)
def test_json_in_utf_8(sent: str) -> None:
    assert inputs_of(exchange(body={"a": 1}, fields={b"content-type": sent.encode()})) == [{"a": 1}]


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "application/json; charset=utf-7",
        "application/json; charset=utf-16",
        "application/json; charset=latin1",
        "application/json; charset=us-ascii",
        "application/json; charset=utf8",
        "application/json; charset=unicode-1-1-utf-7",
        "application/json; charset=",
        "application/json; charset",
        "application/json; charset=utf-8; charset=utf-7",
        "application/json; charset=utf-7; charset=utf-8",
        'application/json; charset="utf-8"; charset=utf-7',
        'application/json; charset="utf-8',
        'application/json; charset="utf\\-8"',
        "application/json; charset='utf-8'",
        "application/json; charset=utf-8 x",
        "application/json; charset =utf-8",
        "application/json; charset*=utf-8''utf-7",
        "application/json; charset*0=utf-; charset*1=7",
        "application/json; x=y; charset=utf-8",
        "application/json; version=1",
        "application/json;",
        "application/json;;charset=utf-8",
        "application/json, text/plain",
        "application/json, application/json",
        "application/json; charset=utf-8, text/plain",
        "text/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "application/vnd.api+json",
        "application/json+x",
        "application/jsonp",
        "application/json5",
        "application/*",
        "*/*",
        "json",
        "\xa0application/json",
        "application/json\x0b",
        "application/json;\x0ccharset=utf-8",
    ],
)
def test_every_other_content_type_is_refused(sent: str) -> None:
    made = exchange(body={"a": 1}, fields={b"content-type": sent.encode("latin-1")})
    with pytest.raises(MediaTypeError) as raised:
        inputs_of(made)
    assert unreadable("accounts", raised.value).reason.slug == "media_type_refused"


def test_content_without_a_type_or_with_a_coding_is_refused() -> None:
    with pytest.raises(MediaTypeError):
        inputs_of(exchange(body={"a": 1}, fields={}))
    for coding in (b"gzip", b"identity, gzip", b"x", b"utf-7", b""):
        with pytest.raises(MediaTypeError):
            inputs_of(exchange(body={"a": 1}, fields={**JSON, b"content-encoding": coding}))
    assert inputs_of(exchange(body={"a": 1}, fields={**JSON, b"content-encoding": b"Identity"}))


def test_a_body_too_long_to_be_looked_into() -> None:
    assert inputs_of(exchange(body=b'"' + b"a" * (LONGEST_BODY - 2) + b'"'))
    with pytest.raises(ValueError, match="too long"):
        inputs_of(exchange(body=b'"' + b"a" * (LONGEST_BODY - 1) + b'"'))


def test_what_cannot_be_read_is_refused_under_the_name_of_the_policy() -> None:
    refusal = unreadable("accounts", ValueError("the content is no JSON"))
    assert (refusal.reason.slug, refusal.detail) == ("body_malformed", "accounts: the content is no JSON")


LONG = 16_000
QUERIES = [
    piece * (LONG // len(piece))
    for piece in ("&", "=", "+", "%22", "%E2%82%AC", "a&", "%CC%95%CC%80", "input", "[", "i=&")
]
TYPES = [
    f"application/json{piece * (LONG // len(piece))}"
    for piece in (" ", ";", "; ", '"', ';"', ',"', "\\", '\\"', "charset=", "\t")
]


@pytest.mark.parametrize(
    "query",
    [*QUERIES, *("input=" + query.replace("&", "%26") for query in QUERIES), "&".join(["%CC%95" * 40] * 66)],
    ids=lambda query: ascii(query[:16]),
)
def test_the_longest_query_is_judged_in_milliseconds(query: str) -> None:
    assert takes_at_most(0.003, lambda: inputs_of(exchange("GET", 1, query)))


@pytest.mark.parametrize("sent", TYPES, ids=lambda sent: ascii(sent[16:24]))
def test_the_longest_content_type_is_judged_in_a_millisecond(sent: str) -> None:
    assert takes_at_most(0.001, lambda: inputs_of(exchange(body={"a": 1}, fields={b"content-type": sent.encode()})))


def test_a_schema_is_given_the_input_of_each_call() -> None:
    batch = {"0": {"json": {"a": 1}}, "2": {"json": None, "meta": {"values": ["undefined"]}}, "3": {"json": None}}
    found = [(MISSING, ()) if one != 0 else ({"a": 1}, ()) for one in range(3)]
    assert list(checked_inputs(exchange(calls=4, query="batch=1", body=batch), 32)) == [*found, (None, ())]


def test_what_is_no_json_of_one_reading_is_refused_under_the_name_of_the_schema() -> None:
    with pytest.raises(ValueError) as raised:
        checked_inputs(exchange(body=b'{"a":1,"a":2}'), 32)
    refusal = malformed("inputs", raised.value)
    assert (refusal.reason.slug, refusal.detail) == ("json_malformed", "inputs: an object has a member twice")
