"""The response that replaces an upstream's, in the format its client reads."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.core.exchange import Call, Exchange
from gateway.core.reason import REASONS
from gateway.core.verdict import Reply, refuse
from gateway.policy.fallback.fallback import COVERS, MOST_FILE_BYTES, Settings, build

MOCK = {"text": "", "language": None, "mock": True}


def reply_to(
    slug: str = "upstream_resting", error_format: str = "problem", calls: int = 0, batch: bool = False, **more: Any
) -> Reply:
    exchange = Exchange("POST", "/", {}, "192.0.2.1", 0.0)
    exchange.id = "0123456789"
    exchange.calls = [Call("chat.translate")] * calls
    exchange.query = "batch=1" if batch else ""
    fallback = build("stt-mock", Settings.model_validate({"json": MOCK, **more}))
    return fallback.reply(exchange, refuse(slug, "why", retry_after=42), error_format)


def test_the_response_is_marked_and_not_cached() -> None:
    reply = reply_to()
    assert (reply.status, json.loads(reply.body)) == (200, MOCK)
    assert dict(reply.headers) == {
        b"content-type": b"application/json",
        b"x-gateway-fallback": b"stt-mock",
        b"cache-control": b"no-store",
    }


def test_it_covers_the_refusals_without_a_response_of_the_upstream_and_no_others() -> None:
    assert {
        "upstream_resting", "upstream_busy", "upstream_unreachable", "upstream_timeout", "upstream_broken",
    } <= COVERS  # fmt: skip
    assert not COVERS & {"rate_limited", "token_missing", "body_too_large", "draining", "internal_error"}
    assert {REASONS[slug].status for slug in COVERS} <= {502, 503, 504}


def test_an_error_has_the_members_of_every_error_and_retry_after() -> None:
    reply = reply_to(status=503)
    assert (b"retry-after", b"42") in reply.headers
    members = {"reason": "upstream_resting", "request_id": "0123456789", "retry_after": 42}
    assert json.loads(reply.body) == {**MOCK, **members}
    assert json.loads(reply_to(status=503, json={"reason": "mine"}).body)["reason"] == "mine"
    assert json.loads(reply_to(status=503, json=["plain"]).body) == ["plain"]


@pytest.mark.parametrize(
    ("status", "body", "message", "code"),
    [
        (503, {"message": "Later.", "error": "down"}, "Later.", (-32603, "SERVICE_UNAVAILABLE")),
        (503, {"error": "down"}, "down", (-32603, "SERVICE_UNAVAILABLE")),
        (599, {"error": 5}, "Service resting", (-32603, "INTERNAL_SERVER_ERROR")),
        (418, None, "Service resting", (-32600, "BAD_REQUEST")),
    ],
)
def test_trpc_calls_get_an_error_as_the_client_reads_it(
    status: int, body: Any, message: str, code: tuple[int, str]
) -> None:
    error = json.loads(reply_to(error_format="superjson", calls=2, batch=True, status=status, json=body).body)["error"][
        "json"
    ]
    assert (error["message"], error["code"]) == (message, code[0])
    data = error["data"]
    assert (data["code"], data["httpStatus"], data["reason"]) == (code[1], status, "upstream_resting")
    plain = json.loads(reply_to(error_format="none", calls=1, status=status, json=body).body)["error"]
    assert plain == error


@pytest.mark.parametrize(
    ("error_format", "calls", "batch", "body"),
    [
        ("superjson", 1, False, {"result": {"data": {"json": MOCK}}}),
        ("none", 1, False, {"result": {"data": MOCK}}),
        ("superjson", 1, True, [{"result": {"data": {"json": MOCK}}}]),
        ("none", 3, True, [{"result": {"data": MOCK}}] * 3),
    ],
)
def test_trpc_calls_get_results(error_format: str, calls: int, batch: bool, body: Any) -> None:
    assert json.loads(reply_to(error_format=error_format, calls=calls, batch=batch).body) == body


def test_a_file_is_read_with_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "lesson.json").write_text('{"text": "¡hola!"}')
    (tmp_path / "note.txt").write_text("resting")
    base = {"base": tmp_path}

    def reply_of(**more: Any) -> Reply:
        settings = Settings.model_validate(more, context=base)
        (tmp_path / "lesson.json").unlink(missing_ok=True)
        return build("note", settings).reply(Exchange("GET", "/", {}, "", 0.0), refuse("upstream_busy"), "problem")

    assert json.loads(reply_of(file="lesson.json").body) == {"text": "¡hola!"}
    reply = reply_of(file="note.txt", type="text/plain; charset=utf-8", status=503)
    assert (reply.status, reply.body) == (503, b"resting")
    assert (b"content-type", b"text/plain; charset=utf-8") in reply.headers


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "exactly one of"),
        ({"json": {}, "stale": {"for": "1h"}}, "exactly one of"),
        ({"stale": {"for": "1h"}, "status": 200}, "has a status"),
        ({"upstream": "other", "status": 200}, "has a status"),
        ({"json": {}, "type": "text/plain"}, "has a type"),
        ({"json": {}, "status": 204}, "has no body"),
        ({"file": "missing.json"}, "names no file"),
        ({"file": "."}, "names no file"),
        ({"file": ""}, "must name a file"),
        ({"file": "large.json"}, "more than 1 MiB"),
        ({"file": "note.txt"}, "is not JSON"),
        ({"file": "note.txt", "type": "text/plain\r\nx: y"}, "not a media type"),
        ({"stale": {"for": "0s"}}, "between 1s and 7d"),
        ({"stale": {"for": "1h", "max": "2GiB"}}, "between 1KiB and 1GiB"),
    ],
)
def test_settings_that_make_no_response_are_refused(tmp_path: Path, settings: Any, sentence: str) -> None:
    (tmp_path / "large.json").write_bytes(b" " * (MOST_FILE_BYTES + 1))
    (tmp_path / "note.txt").write_text("resting")
    with pytest.raises(ValidationError, match=sentence):
        Settings.model_validate(settings, context={"base": tmp_path})
