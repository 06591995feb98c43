"""The values that the upstream reads, call by call, and the requests that have no reading which is certain to be its own."""

import copy
import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from gateway.core.exchange import Call, Exchange
from gateway.core.superjson import NO_JSON
from gateway.policy.base.inputs import (
    LONGEST_BODY,
    LONGEST_CHECKED,
    InputError,
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


def trouble(**made: Any) -> tuple[str, int | None]:
    with pytest.raises(InputError) as raised:
        checked_inputs(exchange(**made), 32)
    return str(raised.value), raised.value.call


def test_what_is_wrong_says_which_call_it_is_in_and_quotes_nothing() -> None:
    good, bad = b'{"json":{"secret":1}}', b'{"json":{"secret":NaN}}'
    number = "the content holds a number that JSON does not have, or one beyond a double"
    assert trouble(calls=1, body=bad) == (number, None)
    assert trouble(calls=0, body=bad) == (number, None)
    for call, parts in ((0, (bad, good)), (1, (good, bad))):
        body = b'{"0":%b,"1":%b}' % parts
        expected = (f"call {call} of the batch, counted from 0: {number}", call)
        assert trouble(calls=2, query="batch=1", body=body) == expected
        assert trouble(method="GET", calls=2, query="batch=1&input=" + quote(body), fields={}) == expected
    typed = {"json": {"secret": "x"}, "meta": {"values": {"secret": ["URL"]}}}
    sentence = "the meta of an input makes another type than Date of a value"
    assert trouble(calls=1, body=typed) == (sentence, None)
    both = {"0": {"json": 1}, "1": typed}
    assert trouble(calls=2, query="batch=1", body=both) == (f"call 1 of the batch, counted from 0: {sentence}", 1)


@pytest.mark.parametrize(
    "body", [[], [{"json": 1}], b"null", 1, "x", {"2": {"json": 1}}, {"00": {"json": 1}}, {"json": 1}]
)
def test_a_batch_that_is_no_object_of_its_calls_is_refused(body: Any) -> None:
    for error_format in ("superjson", "none"):
        with pytest.raises(ValueError, match="a batch"):
            checked_inputs(exchange(calls=2, query="batch=1", body=body, error_format=error_format), 32)


def test_a_schema_sees_what_is_absent_what_is_null_and_what_becomes_a_date() -> None:
    assert list(checked_inputs(exchange(body=b"", fields={}), 32)) == [(MISSING, ())]
    assert list(checked_inputs(exchange(calls=2, query="batch=1", body=b"{}"), 32)) == [(MISSING, ())] * 2
    assert list(checked_inputs(exchange("GET", 1), 32)) == [(MISSING, ())]
    assert list(checked_inputs(exchange(calls=1, body={"json": None}), 32)) == [(None, ())]
    assert list(checked_inputs(exchange(calls=1, body={"json": 1}, error_format="none"), 32)) == [({"json": 1}, ())]
    assert list(checked_inputs(exchange(body={"json": 1}), 32)) == [({"json": 1}, ())]
    dated = {"json": {"at": "2026", "n": None}, "meta": {"values": {"at": ["Date"], "n": ["undefined"]}}}
    assert list(checked_inputs(exchange(calls=1, body=dated), 32)) == [({"at": "2026"}, (("at",),))]


def test_a_schema_needs_what_every_policy_needs_that_looks_inside() -> None:
    with pytest.raises(MediaTypeError) as raised:
        checked_inputs(exchange(body={}, fields={b"content-type": b"text/plain"}), 32)
    assert malformed("inputs", raised.value).reason.slug == "media_type_refused"
    for made in (
        exchange("GET", body={}),
        exchange(calls=1, query="input=1", body={"json": 1}),
        exchange("GET", 1, query="input=%7B%7D&input=%7B%7D"),
        exchange(body=b'"' + b"a" * LONGEST_CHECKED + b'"'),
    ):
        with pytest.raises(ValueError):
            checked_inputs(made, 32)


def test_a_request_that_a_schema_has_read_is_not_parsed_again() -> None:
    made = exchange(calls=1, body={"json": {"a": {"at": "2026", "b": [1]}}, "meta": {"values": {"a.at": ["Date"]}}})
    ((value, _),) = checked_inputs(made, 32)
    made.body = None
    assert inputs_of(made) == [{"a": {"at": NO_JSON, "b": [1]}}]
    assert value == {"a": {"at": "2026", "b": [1]}}  # a schema that is asked again sees the text
    made = exchange(calls=3, query="batch=1", body={"0": {"json": {"Name": 1, "x": {"name": 2}}}, "2": {"json": 3}})
    checked_inputs(made, 32)
    made.body = None
    assert inputs_of(made) == [{"Name": 1, "x": {"name": 2}}, None, 3]


@pytest.mark.parametrize("value", [{"Name": 1, "name": 2}, [{"e\u00ad": 1, "e": 2}], {"x" * 300: 1}, [1] * 2_600])
def test_what_only_policies_that_look_for_a_name_refuse(value: Any) -> None:
    made = exchange(calls=1, body={"json": value})
    assert checked_inputs(made, 32)[0].value == value
    with pytest.raises(ValueError):
        inputs_of(made)
    with pytest.raises(ValueError):
        inputs_of(exchange(calls=1, body={"json": value}))


def test_inputs_for_a_schema_are_read_in_microseconds() -> None:
    value = {"message": "Guten Tag! " * 60, "language": "de", "context": "x" * 150, "profile": {"a": [1, 2.5]}}
    dated = {"json": {**value, "at": "2026-01-02T03:04:05.678Z", "n": None}, "meta": {"values": {"at": ["Date"], "n": ["undefined"]}, "v": 1}}  # fmt: skip
    for bound, content in ((8e-6, {"json": value}), (12e-6, dated)):
        made = exchange(calls=1, body=json.dumps(content, separators=(",", ":")).encode())
        assert takes_at_most(bound * 200, lambda made=made: [checked_inputs(made, 32) and None for _ in range(200)])


def test_the_most_that_is_read_once_more_takes_milliseconds() -> None:
    dated = {"json": [{"at": "x"}] * 600, "meta": {"values": {f"{number}.at": ["Date"] for number in range(600)}}}
    for content in (
        dated,
        {"json": [1] * 2_800},
        {"json": [["x" * 30, 2]] * 1_600},
        {"json": {f"{n}": {} for n in range(1_200)}},
    ):
        made = exchange(calls=1, body=json.dumps(content, separators=(",", ":")).encode())
        checked_inputs(made, 32)
        reading = [copy.copy(made) for _ in range(60)]
        assert takes_at_most(0.002, lambda reading=reading: inputs_of(reading.pop()), 5)
