"""The stage: what it refuses by the head, and what it leaves to others. tests/wire/test_uploads.py has it on sockets."""

from __future__ import annotations

import pytest

from gateway.core.exchange import Call, Exchange
from gateway.core.verdict import Refusal
from gateway.policy.upload.settings import Settings
from gateway.policy.upload.upload import build
from gateway.proxy.message.body import RequestBody
from tests.policy.upload.forms import arriving, content_type, file, form

SETTINGS = {"parts": {"audio": {"types": ["audio/webm"], "max": "1MB", "required": True}}}


def on_request(content: RequestBody | None, sent: bytes | None, method: str = "POST", **fields: bytes) -> str:
    """The slug of the refusal of a head, empty where there is none, ``later`` where the content is waited for."""
    named = {name.replace("_", "-").encode(): value for name, value in fields.items()}
    exchange = Exchange(method, "/", named if sent is None else {b"content-type": sent, **named}, "192.0.2.1", 0.0)
    exchange.stream = content
    return found_by(exchange)


def found_by(exchange: Exchange) -> str:
    found = build("speech", Settings.model_validate(SETTINGS), None).on_request(exchange)  # type: ignore[arg-type]  # needs no tools
    if found is None:
        return ""
    if isinstance(found, Refusal):
        return found.reason.slug
    found.close()  # type: ignore[attr-defined]  # a coroutine
    return "later"


GOOD = form(file())


def test_a_form() -> None:
    assert on_request(arriving(GOOD, len(GOOD)), content_type()) == ""
    assert on_request(arriving(), content_type()) == "later"


def test_a_form_is_the_input_of_one_call() -> None:
    def of(calls: int) -> str:
        exchange = Exchange("POST", "/", {b"content-type": content_type()}, "192.0.2.1", 0.0)
        exchange.stream, exchange.calls = arriving(GOOD, len(GOOD)), [Call("tutor.transcribe")] * calls
        return found_by(exchange)

    assert [of(1), of(2), of(3)] == ["", "batch_refused", "batch_refused"]


@pytest.mark.parametrize("sent", [b"application/json", b"Application/JSON; charset=utf-8"])
def test_json_is_left_to_those_who_look_into_it(sent: bytes) -> None:
    assert on_request(arriving(b"{}", 2), sent) == ""


@pytest.mark.parametrize(
    "sent",
    [
        None,
        b"",
        b"audio/webm",
        b"application/x-www-form-urlencoded",
        b"application/x-www-form-urlencoded, multipart/form-data; boundary=B",
        b"application/json, multipart/form-data; boundary=B",
        b"application/json; a=b, multipart/form-data; boundary=B",
        b'application/json; a="b, multipart/form-data; boundary=B"',
        b"multipart/mixed; boundary=B",
        b"multipart/form-data, application/json; boundary=B",
    ],
)
def test_any_other_content_is_refused(sent: bytes | None) -> None:
    assert on_request(arriving(GOOD, len(GOOD)), sent) == "media_type_refused"


def test_a_coded_form_is_refused() -> None:
    assert on_request(arriving(), content_type(), content_encoding=b"gzip") == "media_type_refused"


@pytest.mark.parametrize("sent", [b"multipart/form-data", b"multipart/form-data; boundary=B; boundary=C"])
def test_a_boundary_with_two_readings_is_refused_by_the_head(sent: bytes) -> None:
    assert on_request(arriving(), sent) == "upload_malformed"


def test_a_length_that_cannot_fit_is_refused_by_the_head() -> None:
    assert on_request(arriving(length=1_000_000 + 2 * 4096), content_type()) == "later"
    assert on_request(arriving(length=1_000_001 + 2 * 4096), content_type()) == "upload_too_large"


def test_no_content() -> None:
    assert on_request(None, None) == "upload_malformed"
    assert on_request(None, content_type()) == "upload_malformed"
    assert on_request(None, None, "GET") == ""
