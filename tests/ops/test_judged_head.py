"""What a line has of a head so that it can be judged again, and what of it stays out."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.exchange import NO_ROUTE, AliasedCall, Call, Exchange
from gateway.ops.judged_head import (
    MOST_CALLS,
    MOST_HEADERS,
    add_calls,
    add_content,
    add_judged,
    add_origin,
    add_preflight,
)

Add = Callable[[dict[str, Any], Exchange], None]


def added(add: Add, given: dict[bytes, bytes], **more: Any) -> dict[str, Any]:
    exchange = Exchange("POST", "/", given, "192.0.2.1", 0.0)
    for name, value in more.items():
        setattr(exchange, name, value)
    fields: dict[str, Any] = {}
    add(fields, exchange)
    return fields


def test_all_calls_of_a_batch_are_named_and_by_which_alias() -> None:
    fields: dict[str, Any] = {}
    names = add_calls(fields, [Call("chat.send"), AliasedCall("chat.list", NO_ROUTE, "chat.all")])
    assert (names, fields) == (["chat.send", "chat.list"], {"called": ["chat.send", "chat.all"]})


def test_of_more_calls_than_that_the_number_is_there() -> None:
    fields: dict[str, Any] = {}
    names = add_calls(fields, [Call("a")] * (MOST_CALLS + 1))
    assert (len(names), fields["calls"]) == (MOST_CALLS, MOST_CALLS + 1)


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({b"origin": b"https://else.example"}, {"origin_sent": "https://else.example"}),
        ({}, {}),
        ({b"sec-fetch-site": b"same-origin", b"referer": b"https://a.example/HIDDEN"}, {}),
        ({b"sec-fetch-site": b"none"}, {}),
        (
            {b"sec-fetch-site": b"cross-site", b"sec-fetch-mode": b"navigate", b"sec-fetch-dest": b"document"},
            {"fetch": ["cross-site", "navigate", "document"]},
        ),
        (
            {b"sec-fetch-site": b"same-site", b"referer": b"https://a.example/HIDDEN?HIDDEN"},
            {"fetch": ["same-site", "", ""], "referer_origin": "https://a.example"},
        ),
        (
            {b"sec-fetch-site": b"cross-site", b"referer": b"https://ada:HIDDEN@a.example/"},
            {"fetch": ["cross-site", "", ""], "referer_origin": ""},
        ),
    ],
)
def test_which_website_a_request_comes_from(given: dict[bytes, bytes], fields: dict[str, Any]) -> None:
    assert added(add_origin, given) == fields


@pytest.mark.parametrize(
    ("given", "length", "coding", "fields"),
    [
        ({b"content-type": b"application/json"}, 12, "", {"content_type": "application/json"}),
        (
            {b"content-type": b"Multipart/Form-Data; boundary=HIDDEN"},
            None,
            "",
            {"content_type": "multipart/form-data"},
        ),
        ({}, 99, "", {"content_type": "", "content_length": 99}),
        ({b"content-encoding": b"br"}, 12, "", {"content_type": "", "content_coding": "br"}),
        ({b"content-type": b"text/plain"}, None, "gzip", {"content_type": "text/plain", "content_coding": "gzip"}),
    ],
)
def test_what_the_head_says_of_content(
    given: dict[bytes, bytes], length: int | None, coding: str, fields: dict[str, Any]
) -> None:
    stream = SimpleNamespace(length=length, coding=coding)
    assert added(add_content, given, stream=stream, bytes_in=12) == fields


def test_what_a_preflight_asks_for() -> None:
    asked = {b"access-control-request-method": b"PUT", b"access-control-request-headers": b"X-A, content-type,"}
    assert added(add_preflight, asked) == {"preflight": "PUT", "preflight_headers": ["x-a", "content-type"]}
    assert added(add_preflight, {}) == {}, "no preflight"
    many = {b"access-control-request-method": b"GET", b"access-control-request-headers": b"a," * 100}
    assert len(added(add_preflight, many)["preflight_headers"]) == MOST_HEADERS + 1
    empty = {b"access-control-request-method": b"GET", b"access-control-request-headers": b"," * 100}
    assert added(add_preflight, empty)["preflight_headers"] == ["…"], "more than are read, and no name among those"


_TOKEN = b"Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("add", "names"),
    [
        (add_content, [b"content-type"]),
        (add_content, [b"content-encoding"]),
        (add_origin, [b"sec-fetch-site"]),
        (add_origin, [b"sec-fetch-mode", b"sec-fetch-site"]),
        (add_origin, [b"origin"]),
        (add_preflight, [b"access-control-request-method"]),
        (add_preflight, [b"access-control-request-headers", b"access-control-request-method"]),
    ],
)
@pytest.mark.parametrize("token", [_TOKEN, _TOKEN.partition(b" ")[2]])
def test_what_looks_like_a_token_is_in_no_field(add: Add, names: list[bytes], token: bytes) -> None:
    fields = json.dumps(added(add, dict.fromkeys(names, token), stream=SimpleNamespace(length=None)))
    assert "<secret>" in fields
    assert "eyj" not in fields.lower(), "nor the head of it, nor in lower case"


_NAMES = (
    b"origin",
    b"sec-fetch-site",
    b"sec-fetch-mode",
    b"sec-fetch-dest",
    b"referer",
    b"content-type",
    b"content-encoding",
    b"access-control-request-method",
    b"access-control-request-headers",
)


@given(st.dictionaries(st.sampled_from(_NAMES), st.binary(max_size=3000)))
def test_nothing_that_a_client_sends_blows_up_a_line(given: dict[bytes, bytes]) -> None:
    for add in (add_judged, add_origin, add_preflight):
        fields = added(add, given, stream=SimpleNamespace(length=None), method="OPTIONS")
        texts = [text for value in fields.values() for text in (value if isinstance(value, list) else [value])]
        assert all(text.isprintable() for text in texts if isinstance(text, str))
        assert len(json.dumps(fields)) < 30_000
