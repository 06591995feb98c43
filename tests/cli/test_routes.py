"""``gateway routes`` shows what a route ends up with."""

import json
from pathlib import Path

import pytest

from gateway.cli.app import main
from gateway.policy.kinds import ROUTE_KINDS

CASE = Path(__file__).parent.parent / "config" / "cases" / "good_design"


@pytest.fixture(autouse=True)
def design(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASE)
    for line in (CASE / "env").read_text().splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)


LOCKED = """\
version: 1
upstreams: {tutor: {endpoints: [{url: "http://127.0.0.1:1"}], trpc: {prefix: /api/trpc}}}
lockouts: {accounts: {failures: 5, within: 15m, lock_for: [1m], account: /email, on_status: [401]}}
bodies: {json: {max: 64KiB, types: [application/json]}}
routes:
  - {name: login, procedures: [auth.login], upstream: tutor, auth: public, lockout: accounts, body: json}
  - {name: rest, procedures: ["lessons.*"], upstream: tutor, auth: public}
"""


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
        "upload": None,
        "schema": None,
        "lockout": None,
        "response_headers": "secure",
        "batch": "allow",
        "upstream": "stt",
        "rewrite": "/stt/transcribe/",
        "deny": None,
        "at": "upstreams.yaml:45:5",
        "digest": found[0]["digest"],
    }
    with pytest.raises(SystemExit):
        main(["check", "--json"])
    assert {route["digest"] for route in found} == {json.loads(capsys.readouterr().out)["digest"]}


def test_the_lockout_of_a_route(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("upstreams.yaml").write_text(LOCKED)
    routes("--json")
    assert [route["lockout"] for route in json.loads(capsys.readouterr().out)] == ["accounts", None]
    routes()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[-3:] == ["ALSO", "GOES", "TO"]
    assert lines[1].split()[-3:] == ["lockout", "accounts", "tutor"]
    assert lines[2].split()[-2:] == ["-", "tutor"]


def test_every_kind_that_a_route_names_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    routes("--json")
    for route in json.loads(capsys.readouterr().out):
        assert {kind.route_key for kind in ROUTE_KINDS} <= route.keys()


def test_why_a_route_goes_without_a_schema_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    waived = LOCKED.replace("body: json}\n", 'body: json, schema: {none: "checked by the backend"}}\n', 1)
    (tmp_path / "upstreams.yaml").write_text(waived)
    routes("--json")
    assert json.loads(capsys.readouterr().out)[0]["schema"] == {"none": "checked by the backend"}
    routes()
    assert "schema none: checked by the backend" in capsys.readouterr().out
