"""``gateway routes`` shows what a route ends up with."""

import json
from pathlib import Path

import pytest

from gateway.cli.app import main

CASE = Path(__file__).parent.parent / "config" / "cases" / "good_design"


@pytest.fixture(autouse=True)
def design(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASE)
    for line in (CASE / "env").read_text().splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)


def routes(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["routes", *words])
    assert not ended.value.code


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    routes()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ROUTE", "MATCHES", "METHODS", "AUTH", "LIMITS", "BODY", "GOES", "TO"]
    assert lines[1].split() == ["login", "auth.login", "GET", "POST", "public", "login-per-address", "json", "tutor"]
    assert lines[3].split() == ["tutor-api", "lessons.*", "GET", "POST", "access-token", "per-client", "json", "tutor"]
    assert "denied: takes any six characters as the code; closed until the backend checks it" in lines[-1]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    routes("--json")
    found = json.loads(capsys.readouterr().out)
    assert [route["name"] for route in found] == ["login", "tutor-api", "transcribe", "reset-password"]
    assert found[2] == {
        "name": "transcribe",
        "listener": "public",
        "procedures": [],
        "paths": ["/api/stt/transcribe"],
        "methods": ["POST"],
        "auth": "access-token",
        "cors": "app",
        "rate_limits": ["per-client"],
        "body": "audio",
        "response_headers": "secure",
        "batch": "allow",
        "upstream": "stt",
        "rewrite": "/stt/transcribe/",
        "deny": None,
        "at": "upstreams.yaml:45:5",
    }
