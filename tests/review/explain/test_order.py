"""Requests to be explained, as they are written."""

from typing import Any

import pytest

from gateway.review.explain.order import field_of, framed, moment, request_of, typed


def test_a_time_is_a_date_or_seconds_and_now_unless_given() -> None:
    assert moment("", 5.0) == 5.0
    assert moment("1000.5", 5.0) == 1000.5
    assert moment("1970-01-01T01:00:00Z", 5.0) == moment("1970-01-01T01:00:00", 5.0) == 3600.0
    assert moment("1970-01-01T02:00:00+01:00", 5.0) == 3600.0
    for wrong in ("noon", "-1", "nan", "inf", "1e30"):
        with pytest.raises(ValueError, match="time"):
            moment(wrong, 5.0)


def test_a_field_is_a_name_and_a_value_and_a_wrong_one_is_not_repeated() -> None:
    assert field_of("Origin:https://a.example") == ("Origin", "https://a.example")
    assert field_of("x: ") == ("x", "")
    for wrong in ("Bearer hush", ": hush"):
        with pytest.raises(ValueError, match="written as") as raised:
            field_of(wrong)
        assert "hush" not in str(raised.value)


def test_a_body_that_looks_like_json_is_called_so_unless_it_is_called_something_else() -> None:
    assert typed((), b"{}") == (("content-type", "application/json"),)
    assert typed((), b"a=b") == ()
    assert typed((("Content-Type", "text/plain"),), b"{}") == (("Content-Type", "text/plain"),)


def test_an_order_is_a_request() -> None:
    found = request_of({"method": "POST", "target": "/a", "headers": {"x": "y"}, "body": "[]", "claims": {"sub": "u"}})
    assert (found.method, found.target, found.body, found.claims) == ("POST", "/a", b"[]", {"sub": "u"})
    assert found.pairs == (("x", "y"), ("content-type", "application/json"))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"method": "GET"},
        {"method": "GET", "target": "/", "more": 1},
        {"method": 1, "target": "/"},
        {"method": "GET", "target": "/", "headers": []},
        {"method": "GET", "target": "/", "headers": {"a": 1}},
        {"method": "GET", "target": "/", "headers": {str(number): "" for number in range(129)}},
        {"method": "GET", "target": "/", "headers": {"a": "b\r\nc: hush"}},
        {"method": "GET", "target": "/", "claims": []},
        {"method": "GET", "target": "/", "listener": "ops"},
        {"method": "GET", "target": "/", "address": "hush"},
        {"method": "GET", "target": "/", "body": 5},
    ],
)
def test_what_is_no_request_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        request_of(wrong)


def test_a_body_is_framed_as_its_fields_say() -> None:
    chunked = ("Transfer-Encoding", "chunked")
    assert framed((), b"{}") == framed((("content-length", "9"),), b"{}") == b"{}"  # one that is too short never ends
    assert framed((chunked,), b"{}") == b"2\r\n{}\r\n0\r\n\r\n"
    assert framed((chunked,), b"") == b"0\r\n\r\n"
    assert framed((chunked, ("content-length", "2")), b"{}") == framed((("content-length", "x"),), b"{}") == b"{}"
    with pytest.raises(ValueError, match="another request"):
        request_of({"method": "POST", "target": "/", "body": "{}", "headers": {"Content-Length": "1"}})
