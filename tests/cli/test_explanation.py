"""An explanation on a terminal."""

from typing import Any

from gateway.cli.explanation import lines

FOUND: dict[str, Any] = {
    "canonical": "GET /\x1b[31m", "route": "\x1b]0;r", "where": "a:1", "calls": [], "above": [], "stages": [], "verdict": "pass",
    "detail": "", "status": 200, "fallback": "\x07", "forwarded": [], "notes": ["\x9b"],
    "response": {"status": 200, "headers": [["x", "\x1b[2J"]], "body": "\x1b" + "b" * 5000},
}  # fmt: skip
FAR = {"route": "far", "where": "a:1", "part": "path", "why": "it takes /b"}
NEAR = {"route": "near", "where": "a:2", "part": "method", "why": "it takes POST"}


def test_nothing_of_a_file_or_a_client_steers_the_terminal() -> None:
    shown = "\n".join(lines(FOUND))
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    assert len(shown) < 3000


def test_routes_that_were_close_are_shown_and_the_others_counted() -> None:
    shown = "\n".join(lines({**FOUND, "above": [FAR, NEAR, FAR]}))
    assert "not     near (method: it takes POST)  a:2" in shown
    assert "2 more above it" in shown
    assert "far" not in shown


def test_a_connection_that_is_closed_without_a_response_is_said_to_be() -> None:
    closed = {**FOUND, "status": 0, "response": {"status": 0, "headers": [], "body": ""}}
    assert "none: the connection is closed" in "\n".join(lines(closed))
