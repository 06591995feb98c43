"""One line per request and event: what is in it, and what can never be."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.exchange import NO_ROUTE, Call, Exchange
from gateway.core.secret import Secret
from gateway.core.verdict import by_limit, refuse
from gateway.ops.log import LIMITED_LINES, Bridge, Log, Stamp
from gateway.ops.plain import LONGEST


class Kept:
    """A sink that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.dropped = 0
        self.gap_line: Any = None

    def write(self, line: bytes) -> None:
        self.lines += line.split(b"\n")

    def last(self) -> dict[str, Any]:
        assert b"\n" not in self.lines[-1]
        return json.loads(self.lines[-1])  # type: ignore[no-any-return]  # a log line is an object


def made(**fixed: object) -> tuple[Log, Kept]:
    kept = Kept()
    return Log(kept, b"k" * 32, lambda: 1_700_000_000.1234, **fixed), kept  # type: ignore[arg-type]  # stands for a Sink


def exchange(**more: Any) -> Exchange:
    made = Exchange("POST", "/raw?token=RAWSECRET", {b"authorization": b"Bearer FIELDSECRET"}, "10.0.0.9", 0.0)
    made.path, made.query, made.id = "/api/trpc/chat.sendMessage", "input=QUERYSECRET", "abc"
    made.route = SimpleNamespace(name="chat", config="0123456789ab")
    made.calls = [Call("chat.sendMessage")]
    made.client, made.principal, made.origin = "192.0.2.7", "user-ada", "https://linguamate.app"
    made.claims, made.body = {"sub": "user-ada", "x": "CLAIMSECRET"}, b"BODYSECRET"
    made.endpoint, made.upstream_time, made.status = "127.0.0.1:8787", 0.0123, 200
    made.bytes_in, made.bytes_out = 12, 345
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_an_access_line_has_all_fields() -> None:
    log, kept = made(worker=3)
    limited = refuse("rate_limited", limits=(by_limit("rate_limits", "per-user"),))
    judged = replace(refuse("schema_refused", "inputs: chat.sendMessage: text too_big"), policy="schemas.inputs")
    reported = [limited, judged]
    log.access(exchange(reported=reported), 0.25)
    line = kept.last()
    principal = line.pop("principal")
    assert len(principal) == 12 and "ada" not in principal
    assert line == {
        "ts": "2023-11-14T22:13:20.123Z",
        "event": "request",
        "worker": 3,
        "id": "abc",
        "method": "POST",
        "path": "/api/trpc/chat.sendMessage",
        "route": "chat",
        "config": "0123456789ab",
        "procedures": ["chat.sendMessage"],
        "query_bytes": 17,
        "query_parameters": 1,
        "client": "192.0.2.7",
        "peer": "10.0.0.9",
        "origin": "https://linguamate.app",
        "status": 200,
        "bytes_in": 12,
        "bytes_out": 345,
        "duration_ms": 250.0,
        "upstream": "127.0.0.1:8787",
        "upstream_ms": 12.3,
        "reported": ["rate_limited", "schema_refused"],
        "would_refuse": [
            {"policy": "rate_limits.per-user", "reason": "rate_limited"},
            {"policy": "schemas.inputs", "reason": "schema_refused"},
        ],
        "reported_details": ["inputs: chat.sendMessage: text too_big"],
    }


def test_a_line_names_the_configuration_that_decided_it_and_else_the_one_in_force() -> None:
    log, kept = made()
    egress = log.bind(listener="egress")
    log.serve("feedfeedfeed")
    for one in (log, egress):
        one.access(exchange(), 0.1)
        assert kept.last()["config"] == "0123456789ab", "a reload since then has another"
        one.access(exchange(route=NO_ROUTE, reason="path_ambiguous"), 0.1)
        assert kept.last()["config"] == "feedfeedfeed"


@pytest.mark.parametrize(
    ("principal", "given", "token"),
    [
        ("ada", {b"authorization": b"Bearer HIDDEN"}, None),
        ("", {b"authorization": b"Bearer HIDDEN"}, True),
        ("", {}, None),
    ],
)
def test_whether_a_token_was_there_that_named_nobody(principal: str, given: dict[bytes, bytes], token: object) -> None:
    log, kept = made()
    log.access(exchange(principal=principal, fields=given), 0.1)
    assert kept.last().get("token") is token
    assert b"HIDDEN" not in kept.lines[-1]


def test_a_token_in_a_path_is_no_more_in_its_line_than_elsewhere() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
    log, kept = made()
    log.access(exchange(path=f"/reset/{token}/x"), 0.1)
    log.access(exchange(path=f"/api/trpc/chat.{token}", calls=[Call(f"chat.{token}")]), 0.1)
    first, second = (json.loads(line) for line in kept.lines)
    assert first["path"] == "/reset/<secret>/x"
    assert (second["path"], second["procedures"]) == ("/api/trpc/chat.<secret>", ["chat.<secret>"])


def test_no_secret_of_a_request_is_in_its_lines() -> None:
    log, kept = made()
    refused = exchange(reason="token_invalid", detail="Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIifQ.DETAILSECRET")
    refused.reported = [refuse("body_malformed", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIifQ.DETAILSECRET")]
    log.access(refused, 0.1)
    assert len(kept.lines) == 1
    for secret in (b"SECRET", b"user-ada", b"/raw"):
        assert all(secret not in line for line in kept.lines)


def test_a_flood_of_refusals_by_a_limit_has_few_lines_and_is_counted() -> None:
    log, kept = made(worker=1)
    egress, limited = log.bind(listener="egress"), exchange(reason="rate_limited", detail="per-client", status=429)
    for _ in range(LIMITED_LINES):
        log.access(limited, 0.1)
        egress.access(limited, 0.1)
    assert len(kept.lines) == LIMITED_LINES
    log.access(exchange(reason="token_invalid", status=401), 0.1)
    log.access(exchange(), 0.1)
    assert len(kept.lines) == LIMITED_LINES + 2
    log.renew_limited()
    event = {"event": "refusals_unlogged", "reason": "rate_limited", "times": LIMITED_LINES, "worker": 1}
    assert kept.last() == {"ts": "2023-11-14T22:13:20.123Z", **event}
    log.renew_limited()
    log.access(limited, 0.1)
    events = [json.loads(line)["event"] for line in kept.lines[-2:]]
    assert events == ["refusals_unlogged", "request"]


def test_a_refusal_has_one_line_with_everything() -> None:
    log, kept = made(worker=1)
    log.access(exchange(reason="rate_limited", detail="per-client", status=429), 0.1)
    assert len(kept.lines) == 1
    line = kept.last()
    shown = {key: line[key] for key in ("event", "worker", "id", "reason", "detail", "route", "client", "status")}
    assert shown == {
        "event": "request",
        "worker": 1,
        "id": "abc",
        "reason": "rate_limited",
        "detail": "per-client",
        "route": "chat",
        "client": "192.0.2.7",
        "status": 429,
    }
    assert "path_sent" not in line, "its path has one reading"


def test_the_ids_by_which_an_upstream_logs_are_in_the_line() -> None:
    log, kept = made()
    log.access(exchange(correlation=b"app-12345678", upstream_ids=(b"app-12345678", b"")), 0.1)
    line = kept.last()
    assert line["correlation_id"] == "app-12345678"
    assert not {"upstream_correlation_id", "upstream_request_id"} & line.keys(), "it sent back what it got"
    log.access(exchange(correlation=b"app-12345678", upstream_ids=(b"made-up", b"own-1")), 0.1)
    line = kept.last()
    assert (line["upstream_correlation_id"], line["upstream_request_id"]) == ("made-up", "own-1")


@given(st.binary(max_size=2000), st.binary(max_size=2000))
def test_no_id_of_an_upstream_forges_or_blows_up_a_line(correlation: bytes, own: bytes) -> None:
    log, kept = made()
    log.access(exchange(correlation=b"app-12345678", upstream_ids=(correlation, own)), 0.1)
    assert len(kept.lines) == 1
    assert len(kept.lines[0]) < 4000
    line = kept.last()
    assert len(line.get("upstream_correlation_id", "")) <= 10 * (LONGEST + 1)
    assert all(text.isprintable() for text in line.values() if isinstance(text, str))


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/api/%2e%2e/admin?token=HIDDEN", "/api/%2e%2e/admin"),
        ("/a%252Fb#HIDDEN", "/a%252Fb"),
        ("/a\\b\x07", "/a\\b\\x07"),
        ("http://user:HIDDEN@host/a;b", "/a;b"),
        ("//user:HIDDEN@host/a;b", "host/a;b"),
        ("user:HIDDEN@host:80", "host:80"),
        ("ftp://user:HIDDEN@host/a?x=HIDDEN", "/a"),
        ("/reset/eyJhbGciOiJIUzI1NiJ9.HIDDEN.HIDDEN%2f", "/reset/<secret>%2f"),
        ("/" + "x" * 1000, "/" + "x" * 255 + "…"),
    ],
)
@pytest.mark.parametrize(("reason", "path"), [("path_ambiguous", ""), ("path_ambiguous", "/a"), ("no_route", "")])
def test_a_path_that_has_no_one_reading_is_shown_as_sent(target: str, shown: str, reason: str, path: str) -> None:
    log, kept = made()
    log.access(exchange(target=target, path=path, reason=reason, status=400), 0.1)
    assert kept.last()["path_sent"] == shown
    assert b"HIDDEN" not in kept.lines[-1]


def test_what_never_became_a_request_has_a_line_too() -> None:
    log, kept = made()
    bare = Exchange("", "", {}, "192.0.2.1", 0.0)
    bare.reason = "head_malformed"
    log.access(bare, 0.0)
    line = json.loads(kept.lines[0])
    assert (line["route"], line["status"], line["reason"]) == (None, 0, "head_malformed")
    assert not {"principal", "origin", "upstream", "procedures", "detail", "reported"} & line.keys()


@given(st.text(max_size=600), st.text(max_size=600), st.text(max_size=600))
def test_nothing_a_client_sends_forges_or_blows_up_a_line(method: str, path: str, detail: str) -> None:
    log, kept = made()
    sent = exchange(method=method, path=path, detail=detail, reason="no_route", calls=[Call(path)])
    log.access(sent, 0.1)
    assert len(kept.lines) == 1
    for line in kept.lines:
        assert b"\n" not in line and b"\r" not in line
        assert len(line) < 16_000
        event = json.loads(line)
        assert event["event"] == "request"
        assert event["reason"] == "no_route"


def test_an_event_masks_secrets_and_survives_any_value() -> None:
    log, kept = made()
    log.event("odd", secret=Secret("hush"), path=os, text="a\nb", many=["x"], bad={"\ud800": "\ud800"}, nothing=None)
    assert b"hush" not in kept.lines[-1]
    line = kept.last()
    assert line["event"] == "odd"
    assert line["text"] == "a\\nb"


def test_the_gap_line_is_json_too() -> None:
    _, kept = made(worker=2)
    assert json.loads(kept.gap_line(5)) == {
        "ts": "2023-11-14T22:13:20.123Z",
        "event": "log_lines_dropped",
        "worker": 2,
        "lines": 5,
    }


def test_the_stamp_follows_the_clock() -> None:
    moments = iter((0.0, 0.9999, 1.0, 59.5, 0.25))
    stamp = Stamp(lambda: next(moments))
    assert [stamp.now()[14:] for _ in range(5)] == [
        "00:00.000Z",
        "00:00.999Z",
        "00:01.000Z",
        "00:59.500Z",
        "00:00.250Z",
    ]


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield root
    logging.captureWarnings(False)
    root.handlers[:] = before
    root.setLevel(level)


def test_warnings_of_libraries_join_the_stream(root: logging.Logger) -> None:
    log, kept = made()
    Bridge(log).install()
    logging.getLogger("aiohttp.server").warning("odd %s\nsecond line with SECRET", "thing")
    line = kept.last()
    assert (line["event"], line["logger"], line["level"], line["message"]) == (
        "library",
        "aiohttp.server",
        "warning",
        "odd thing",
    )
    logging.getLogger("asyncio").info("not worth a line")
    assert len(kept.lines) == 1


def test_of_an_exception_the_type_and_the_frames_are_written_and_not_the_message(root: logging.Logger) -> None:
    log, kept = made()
    Bridge(log).install()
    try:
        raise KeyError("SECRET")
    except KeyError:
        logging.getLogger("asyncio").exception("task failed")
    line = kept.last()
    assert line["exception"] == "KeyError"
    assert line["at"][-1].endswith("test_of_an_exception_the_type_and_the_frames_are_written_and_not_the_message")
    assert b"SECRET" not in kept.lines[-1]


def test_a_record_that_cannot_be_formatted_is_counted(root: logging.Logger) -> None:
    log, kept = made()
    Bridge(log).install()
    logging.getLogger("x").warning("%d", "no number")
    assert kept.lines == []
    assert kept.dropped == 1
