"""``gateway explain``: what would happen to a request, for people and for programs."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_line import run
from tests.review.dry_run.configs import ENTRY, ROOT

SHIPPED = ("--config", str(ROOT / "upstreams.yaml"), "--placeholders")
LOGIN = '{"json": {"email": "a@b.co", "password": "hush-hush"}}'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "upstreams.yaml").write_text(ENTRY)
    return tmp_path


def explained(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = run("explain", *words, "--json")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, found


def test_a_request_that_passes_is_shown_with_its_route_and_stages(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("POST", "/api/trpc/auth.signin", "-H", "origin: https://linguamate.app", "-d", LOGIN)
    code, found = explained(capsys, *words, *SHIPPED)
    assert (code, found["verdict"], found["status"], found["route"]) == (0, "pass", 200, "login")
    assert found["canonical"] == "POST /api/trpc/auth.login"  # as its upstream gets it
    assert {"stage", "policy", "where", "verdict", "detail"} <= found["stages"][0].keys()
    assert run("explain", *words, *SHIPPED) == 0
    out = capsys.readouterr().out
    assert "route     login" in out
    assert "lockout accounts" in out
    assert "hush" not in out + json.dumps(found)


def test_a_refused_one_ends_with_1_and_says_which_setting_is_where(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = explained(capsys, "GET", "/mine", "--claims", '{"type": "refresh"}')
    assert (code, found["verdict"], found["status"]) == (1, "claim_refused", 403)
    assert run("explain", "GET", "/mine") == 1
    out = capsys.readouterr().out
    assert "! auth token" in out
    assert "token_missing  upstreams.yaml:5" in out
    assert "secret: <secret>  (upstreams.yaml:5)" in out
    assert "a-signing-secret" not in out


def test_a_body_is_read_from_a_file_or_from_input(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("body.json").write_bytes(b"{\xff")
    entry = ENTRY.replace("paths: [/info]", "paths: [/info], methods: [POST], body: json")
    Path("upstreams.yaml").write_text(entry + "bodies: {json: {max: 8, types: [application/json]}}\n")
    assert explained(capsys, "POST", "/info", "-d", "@body.json")[1]["verdict"] == "pass"  # nothing here reads it
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"[" * 9)))
    code, found = explained(capsys, "POST", "/info", "-d", "@-")
    assert (code, found["verdict"]) == (1, "body_too_large")


def test_the_time_and_the_address_are_those_that_are_given(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("GET", "/mine", "--claims", '{"exp": 2000000000}')
    assert explained(capsys, *words, "--at", "2033-05-18T03:33:19Z")[0] == 0
    assert explained(capsys, *words, "--at", "2033-05-18T03:33:20Z")[1]["verdict"] == "token_expired"
    Path("upstreams.yaml").write_text(ENTRY + "listen: {trusted_proxies: [10.0.0.0/8]}\n")
    assert explained(capsys, "GET", "/info", "--address", "10.1.2.3", "-H", "x-forwarded-for: nobody")[1][
        "verdict"
    ] == ("forwarded_malformed")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("GET",),
        ("GET", "/info", "--request-id", "x"),
        ("GET", "/info", "--address", "nowhere"),
        ("GET", "/info", "--at", "noon"),
        ("GET", "/info", "--claims", "[1]"),
        ("GET", "/info", "--claims", "{"),
        ("GET", "/info", "-H", "hush"),
        ("GET", "/info", "-H", "authorization: hush", "--claims", "{}"),
        ("GET", "/info\r\nx: y"),
        ("GET", "/info", "-d", "@nothing-here"),
        ("GET", "/info", "--listener", "ops"),
        ("GET", "/info", "--config", "nothing.yaml"),
        ("--request-id", "x", "--log", "nothing.log"),
        ("--request-id", "x", "--log", "upstreams.yaml"),
        ("--request-id", "x", "--ops", "http://127.0.0.1:1"),
    ],
)
def test_a_wrong_input_is_a_sentence_and_2(
    here: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert run("explain", *words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err
    assert "Traceback" not in err
    assert "hush" not in err


def test_a_refusal_in_the_log_is_explained_by_its_id(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = {
        "ts": "2026-11-28T19:00:00.000Z", "event": "request", "id": "abc", "method": "GET", "path": "/info", "route": "info",
        "config": "other", "client": "198.51.100.9", "status": 429, "reason": "rate_limited", "detail": "two",
    }  # fmt: skip
    Path("gateway.log").write_text(f"noise\n{json.dumps(line)}\n")
    code, found = explained(capsys, "--request-id", "abc", "--log", "gateway.log")
    assert (code, found["verdict"], found["status"], found["route"]) == (1, "rate_limited", 429, "info")
    assert [stage["verdict"] for stage in found["stages"] if stage["policy"] == "two"] == ["rate_limited"]
    assert any("other" in note for note in found["notes"])
    assert "198.51.100.9" not in json.dumps(found)
    assert run("explain", "--request-id", "abc", "--log", "gateway.log") == 1
    assert "198.51.100.9" not in capsys.readouterr().out


def test_nothing_is_written(here: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in here.rglob("*")}
    assert run("explain", "GET", "/info", "--json") == 0
    assert {path: path.stat().st_mtime_ns for path in here.rglob("*")} == before


def _of_process(program: str, *words: str) -> str:
    """The last line that ``program`` prints in a process of its own."""
    run_apart = [sys.executable, "-c", program, *words]
    done = subprocess.run(run_apart, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()[-1]


def test_it_loads_nothing_that_it_does_not_use() -> None:
    program = (
        "import sys\nfrom gateway.cli.app import main\n"
        "try: main(['explain', 'GET', '/api/info', '--placeholders', '--json'])\n"
        "except SystemExit: print('\\n' + ' '.join(sys.modules))"
    )
    loaded = set(_of_process(program).split())
    assert (
        loaded & {"rich", "aiohttp", "cryptography", "jwt", "http.client", "structlog", "uvloop", "lmdb", "redis"}
        == set()
    )


def test_neither_garbage_nor_models_that_are_only_parts_of_others_take_its_time() -> None:
    """A quarter of its processor time was the collector looking through modules, a fifth models that nothing is read by."""
    program = (
        "import gc, json\nfrom gateway.cli.app import main\n"
        "def below(kind): return [kind, *(each for one in kind.__subclasses__() for each in below(one))]\n"
        "try: main()\n"
        "except SystemExit:\n"
        "    from gateway.policy.base.settings import Model\n"
        "    built = [one.__name__ for one in below(Model) if one.__pydantic_complete__]\n"
        "    print('\\n' + json.dumps([built, gc.isenabled(), gc.get_stats()[2]['collections'], gc.get_freeze_count()]))"
    )
    built, enabled, whole, kept = json.loads(
        _of_process(program, "explain", "GET", "/api/info", "--placeholders", "--json")
    )
    assert {"Head", "UpstreamSettings"} <= set(built)
    assert not {"Policy", "Part", "Query", "Trpc", "EndpointSettings", "RetrySettings", "Tls"} & set(built)
    assert (enabled, whole, kept > 50_000) == (True, 0, True)


def test_what_is_not_here_is_stood_in_for_by_something_that_the_setting_takes(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = ENTRY.replace(
        '[HS256], secret: "a-signing-secret-of-more-than-32-bytes"', '[ES256], public_key: "${file:/run/key}"'
    )
    Path("upstreams.yaml").write_text(entry.replace("limit: 2/minute", 'limit: "${LIMIT}"'))
    assert run("explain", "GET", "/mine") == 2
    capsys.readouterr()
    code, found = explained(capsys, "GET", "/mine", "--claims", "{}", "--placeholders")
    assert (code, found["verdict"]) == (0, "pass")
    assert any("LIMIT" in note and "/run/key" in note for note in found["notes"])
    assert (
        explained(capsys, "GET", "/mine", "-H", "authorization: Bearer a.b.c", "--placeholders")[1]["verdict"]
        == "token_invalid"
    )
    Path("upstreams.yaml").write_text(entry.replace("key: [address]", 'key: ["${PART}"]'))
    assert run("explain", "GET", "/mine", "--placeholders") == 2
    assert "PART" in capsys.readouterr().err
