"""What a line of a log records, and lines that nobody should believe."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.review.replay.recorded import Event, Unreadable, moment_of, read
from tests.review.replay.log_lines import LINE, of


def test_a_request_came_as_long_before_its_line_as_it_took() -> None:
    found = of()
    assert (found.end, found.start) == (1795860001.25, 1795860001.0)
    assert (found.target, found.client, found.peer, found.worker) == (
        "/api/trpc/auth.login",
        "192.0.2.7",
        "192.0.2.7",
        3,
    )


@pytest.mark.parametrize(
    ("more", "target"),
    [
        ({}, "/api/trpc/auth.login"),
        ({"called": ["auth.signin"]}, "/api/trpc/auth.signin"),
        ({"path": "/api/trpc/a,b", "procedures": ["a", "b"]}, "/api/trpc/a,b?batch=1"),
        ({"path": "/api/trpc/" + "a" * 240 + "…", "procedures": ["a", "b"]}, "/api/trpc/a,b?batch=1"),
        ({"path": "/x,y", "procedures": None, "batch": True}, "/x,y?batch=1"),
        ({"path": "", "path_sent": "/a//b", "procedures": None}, "/a//b"),
    ],
)
def test_the_target_is_what_the_client_sent_as_far_as_the_line_has_it(more: dict[str, Any], target: str) -> None:
    found = of(**more)
    assert (found.target, found.cut) == (target, False)


@pytest.mark.parametrize("more", [{"path": "/a…", "procedures": None}, {"path_sent": "/<secret>"}, {"calls": 101}])
def test_a_path_that_is_not_whole_is_known_as_such(more: dict[str, Any]) -> None:
    assert of(**more).cut


@pytest.mark.parametrize(
    ("more", "length"),
    [
        ({}, 12),
        ({"content_length": 70000, "bytes_in": 0, "reason": "body_too_large"}, 70000),
        ({"bytes_in": 0, "reason": "schema_refused"}, None),
        ({"content_coding": "gzip"}, None),
        ({"bytes_in": 0}, 0),
    ],
)
def test_the_length_of_the_content_where_it_is_known(more: dict[str, Any], length: int | None) -> None:
    assert of(**more).length == length


def test_an_event_is_no_request() -> None:
    line = b'{"ts":"2026-11-28T10:00:00.000Z","event":"refusals_unlogged","reason":"rate_limited","times":7,"worker":1}'
    assert read(line) == Event("refusals_unlogged", 1795860000.0, 7)


def test_times_are_read_as_any_program_writes_them() -> None:
    assert moment_of("2026-11-28T10:00:00Z") == moment_of("2026-11-28T12:00:00.000+02:00") == 1795860000.0


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"[1]",
        b"{}",
        b'{"event": 5}',
        b'{"event": "request"}',
        b'{"event": "request", "ts": "yesterday"}',
        b'{"event": "request", "ts": "2026-11-28T10:00:00.000"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"ts":"2026-11-28T10:00:00.000Z","event":"request","path":"\\ud800"}',
        b"\xff\xfe",
        b"{" + b'"a":1,' * 10_000,
    ],
)
def test_what_is_no_line_of_the_gateway_is_unreadable(line: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        read(line)
    assert str(refused.value)


_WRONG: list[Any] = [[], {}, 1e400, -1, 1 << 70, True, "\x1b[31m", ["\x00"], [1], ["a"] * 1000, 0.5, "x"]


@pytest.mark.parametrize("name", [name for name in LINE if name not in ("event",)])
def test_a_wrong_type_is_read_or_unreadable_and_never_an_error(name: str) -> None:
    for wrong in _WRONG:
        try:
            read(json.dumps({**LINE, name: wrong}).encode())
        except Unreadable as refused:
            assert "\x1b" not in str(refused)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from([*LINE, "peer", "fetch", "preflight_headers", "upstream_ms", "called"]), _values)
)
def test_no_line_raises_anything_else(more: dict[str, Any]) -> None:
    try:
        found = read(json.dumps({**LINE, **more}).encode())
    except Unreadable:
        return
    assert isinstance(found, Event) or (found.end >= found.start and found.target.isprintable())
