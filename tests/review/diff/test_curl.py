"""A witness as a command, run by a real shell: what curl gets is the witness, whatever is in it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.review.diff.change import SentRequest, Witness
from gateway.review.diff.curl import command, times_of
from tests.review.diff.reviews import HOSTILE, witness

STUB = """#!/bin/sh
{ for word in "$@"; do printf '%s\\0' "$word"; done; printf '\\1'; case "$*" in *@-*) cat;; esac; printf '\\2'; } >> "$OUT"
"""


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Runs the command of a witness with a curl that writes down what it gets: words and what it reads, for each call."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "work").mkdir()
    stub = tmp_path / "bin/curl"
    stub.write_text(STUB)
    stub.chmod(0o755)

    def calls(shown: Witness, shell: str = "sh", **env: str) -> list[tuple[list[bytes], bytes]]:
        out = tmp_path / "out"
        out.unlink(missing_ok=True)
        line = command(shown, "http://127.0.0.1:8080", "http://127.0.0.1:8181")
        environment = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "OUT": str(out), "TOKEN": "a.b.c", **env}
        subprocess.run([shell, "-ec", line], cwd=tmp_path / "work", env=environment, check=True, capture_output=True)
        assert list((tmp_path / "work").iterdir()) == []
        found = []
        for call in out.read_bytes().split(b"\2")[:-1]:
            words, _, read = call.partition(b"\1")
            found.append((words.split(b"\0")[:-1], read))
        return found

    return calls


def words(call: tuple[list[bytes], bytes], option: str) -> list[bytes]:
    return [call[0][at + 1] for at, word in enumerate(call[0]) if word == option.encode()]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_request_is_that_of_the_witness(run: Any, shell: str) -> None:
    shown = witness(
        method="POST", target="/api/trpc/a?batch=1", headers=(("origin", "https://a.example"),), body=b'{"a":1}'
    )
    (call,) = run(shown, shell)
    assert words(call, "-X") == [b"POST"]
    assert words(call, "-H") == [b"origin: https://a.example", b"content-type:"]
    assert words(call, "--data-raw") == [b'{"a":1}']
    assert call[0][-1] == b"http://127.0.0.1:8080/api/trpc/a?batch=1"
    assert b"--path-as-is" in call[0] and b"--globoff" in call[0]


def test_the_listener_the_token_and_the_number_of_times(run: Any) -> None:
    calls = run(witness(claims={"sub": "u1\n; touch x"}, repeat=3, address="203.0.113.7", upstream=401), TOKEN="t")
    assert len(calls) == 3 and words(calls[0], "-H") == [b"authorization: Bearer t"]
    shown = command(
        witness(claims={"sub": "u1\nx"}, repeat=3, address="203.0.113.7", upstream=401), "http://p", "http://e"
    )
    assert shown.split("\n")[:3] == [
        '# TOKEN: an access token with {"sub": "u1\\nx"}',
        "# sent from 203.0.113.7",
        "# while the upstream responds with 401",
    ]
    (call,) = run(witness(listener="egress"))
    assert call[0][-1] == b"http://127.0.0.1:8181/a"
    (call,) = run(witness(), GATEWAY="https://gateway.example")
    assert call[0][-1] == b"https://gateway.example/a"


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_nothing_of_a_witness_is_read_by_the_shell(run: Any, shell: str) -> None:
    for text in HOSTILE:
        shown = witness(
            method=text, target=f"/{text}", headers=(("x", text), ("y", "")), body=text.encode(), address=text
        )
        assert "\x1b" not in command(shown, "http://p", "http://e")
        (call,) = run(shown, shell)
        assert words(call, "-X") == [text.encode()], text
        assert words(call, "-H")[:2] == [f"x: {text}".encode(), b"y;"]
        assert call[0][-1] == f"http://127.0.0.1:8080/{text}".encode()
        assert (words(call, "--data-raw") or [call[1]]) == [text.encode()]


@pytest.mark.parametrize(
    "body",
    [
        b"@/etc/passwd",
        bytes(set(range(256)) - {1, 2}),  # which part the calls here
        b"a\r\nb\n",
        b'{"x":"' + b"a" * 70_000 + b'"}',
        b"\0" * 5000,
        b"%s\\n" * 30,
        b"-n",
    ],
)
def test_a_body_arrives_byte_for_byte_however_long(run: Any, body: bytes) -> None:
    shown = witness(method="POST", headers=(("content-type", "application/json"),), body=body)
    (call,) = run(shown)
    assert (words(call, "--data-raw") or [call[1]]) == [body]
    assert len(command(shown, "http://p", "http://e")) < 4000


def test_a_long_body_that_repeats_nothing_is_left_to_a_file() -> None:
    body = json.dumps([n**3 for n in range(3000)]).encode()
    shown = command(witness(method="POST", body=body), "http://p", "http://e")
    assert shown.startswith(f"# with {len(body)} bytes of body\n") and "--data-binary @body" in shown


def test_head_has_no_method_of_its_own(run: Any) -> None:
    (call,) = run(witness(method="HEAD"))
    assert b"-I" in call[0] and b"-X" not in call[0]


def test_what_is_sent_earlier_comes_first_and_so_long_before(run: Any) -> None:
    first = SentRequest(method="POST", target="/first", repeat=2, address="198.18.1.7")
    calls = run(witness(target="/last", every=0.01, earlier=(first,), address="198.18.1.8"))
    assert [call[0][-1].rpartition(b"/")[2] for call in calls] == [b"first", b"first", b"last"]
    shown = command(witness(every=840, repeat=2, earlier=(first,), address="198.18.1.8"), "http://p", "http://e")
    assert shown.split("\n")[::2] == ["# sent from 198.18.1.7", "# sent from 198.18.1.8"]
    assert "for i in $(seq 2); do sleep 840; curl" in shown
    assert "sent from" not in command(witness(address="198.18.1.8"), "http://p", "http://e")
    assert times_of(witness(every=840, repeat=2)) == "2 times, 840 s apart"
