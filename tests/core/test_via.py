"""Via: the gateway behind what was there, in the version that it got, and its own run known by what nobody guesses."""

from __future__ import annotations

import pytest

from gateway.core.via import Via


@pytest.mark.parametrize(
    ("before", "version", "line"),
    [
        (None, "1.1", b"via: 1.1 acme-i-public\r\n"),
        (b"", "1.1", b"via: 1.1 acme-i-public\r\n"),
        (b"1.0 fred", "1.1", b"via: 1.0 fred, 1.1 acme-i-public\r\n"),
        (
            b"1.0 fred, 1.1 p.example.net (Apache)",
            "1.0",
            b"via: 1.0 fred, 1.1 p.example.net (Apache), 1.0 acme-i-public\r\n",
        ),
    ],
)
def test_it_comes_behind_what_was_there(before: bytes | None, version: str, line: bytes) -> None:
    assert Via("acme", "i").line(before, version, False) == line


def test_a_request_may_come_once_through_each_listener() -> None:
    via = Via("acme", "i")
    public = via.line(None, "1.1", False)[5:-2]
    assert (via.looped(public, False), via.looped(public, True)) == (True, False)
    both = via.line(public, "1.1", True)[5:-2]
    assert (via.looped(both, False), via.looped(both, True)) == (True, True)


@pytest.mark.parametrize("value", [b"1.1 acme", b"1.1 acme-public", b"1.1 acme-j-public", b"", b"1.1 acme-i"])
def test_a_name_alone_is_no_loop(value: bytes) -> None:
    assert not Via("acme", "i").looped(value, False)


def test_without_an_instance_nothing_is_added_and_nothing_found() -> None:
    nobody = Via()
    assert (nobody.response, nobody.looped(b"1.1 -", False)) == (b"", False)
    assert nobody.line(None, "1.1", False) == b""
    assert nobody.line(b"1.0 fred", "1.1", False) == b"via: 1.0 fred\r\n"
