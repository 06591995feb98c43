"""Written requests and responses become those of a dry run."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.failure import CallFailure
from gateway.review.policy_tests.language import WrittenRequest, WrittenResponse
from gateway.review.policy_tests.messages import BOUNDARY, request_of, response_of


def made(number: int = 1, **written: Any) -> Any:
    return request_of(WrittenRequest.model_validate({"target": "/a", **written}), number)


def test_a_request_without_a_body_is_a_get() -> None:
    request = made()
    assert (request.method, request.target, request.body, request.pairs) == ("GET", "/a", b"", ())
    assert (request.address, request.listener, request.claims) == ("203.0.113.7", "public", None)


def test_json_is_a_post_with_its_type() -> None:
    request = made(json={"a": "é"})
    assert (request.method, request.body) == ("POST", '{"a":"é"}'.encode())
    assert request.pairs == (("content-type", "application/json"),)
    assert made(json=None).body == b"null"


def test_a_type_that_is_written_is_not_written_twice() -> None:
    assert made(json=1, headers={"Content-Type": "text/plain"}).pairs == (("content-type", "text/plain"),)


def test_a_text_is_sent_as_it_is() -> None:
    assert (made(body="x").body, made(body="x").pairs, made(body="").method) == (b"x", (), "POST")
    assert made(body={"bytes": 5}).body == b"xxxxx"
    assert made(body={"text": "ab", "bytes": 4}).body == b"abxx"


def test_a_query_is_percent_encoded() -> None:
    assert (
        made(query={"input": {"json": {"id": "a b"}}}).target
        == "/a?input=%7B%22json%22%3A%7B%22id%22%3A%22a%20b%22%7D%7D"
    )
    assert made(target="/a?x=1", query={"y": "&", "n": 5}).target == "/a?x=1&y=%26&n=5"


def test_fields_may_come_several_times() -> None:
    assert made(headers={"a": ["1", "2"], "n": 5}, origin="https://x").pairs == (
        ("a", "1"), ("a", "2"), ("n", "5"), ("origin", "https://x"),
    )  # fmt: skip


def test_a_form_is_written_as_browsers_do() -> None:
    parts = {"audio": {"filename": "a.webm", "type": "audio/webm", "base64": "Gkk=", "bytes": 4}, "language": "pa"}
    request = made(form=parts)
    assert request.pairs == (("content-type", f"multipart/form-data; boundary={BOUNDARY}"),)
    assert request.body == (
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="audio"; filename="a.webm"\r\ncontent-type: audio/webm\r\n\r\n'
        f"\x1aI\0\0\r\n"
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="language"\r\n\r\npa\r\n--{BOUNDARY}--\r\n'
    ).encode("latin-1")


def test_repetitions_differ_by_their_number() -> None:
    request = made(
        7,
        target="/a/<n>",
        query={"q": ["<n>"]},
        json={"email": "u<n>@x", "n": [1, "<n>"]},
        address="10.0.<n>.1",
        headers={"x-device": "d<n>"},
        claims={"sub": "u<n>", "n": 1},
    )
    assert (request.target, request.address) == ("/a/7?q=%5B%227%22%5D", "10.0.7.1")
    assert request.body == b'{"email":"u7@x","n":[1,"7"]}'
    assert request.claims == {"sub": "u7", "n": 1}
    assert ("x-device", "d7") in request.pairs


@pytest.mark.parametrize(
    ("written", "status", "body", "content_type"),
    [
        ({}, 200, b"{}", None),
        ({"status": 401}, 401, b"{}", None),
        ({"json": [1]}, 200, b"[1]", None),
        ({"json": None}, 200, b"null", None),
        ({"body": "x"}, 200, b"x", "text/plain; charset=utf-8"),
        ({"body": "x", "headers": {"Content-Type": "text/html"}}, 200, b"x", "text/html"),
    ],
)
def test_what_the_upstream_responds(written: Any, status: int, body: bytes, content_type: str | None) -> None:
    response = response_of(WrittenResponse.model_validate(written))
    assert (response.status, response.body, response.fields.get("content-type")) == (status, body, content_type)


def test_how_the_upstream_fails() -> None:
    response = response_of(WrittenResponse.model_validate({"fails": "timeout", "takes": "3s"}))
    assert (response.failure, response.after) == (CallFailure.TIMEOUT, 3.0)
