"""``gateway diff``: its sides, its formats, its exit codes, and who answers for what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.app import main
from tests.cli.command_line import run
from tests.cli.git_repository import GitRepository

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams: {tutor: {endpoints: [{url: "${TUTOR_URL:-http://127.0.0.1:8787}"}]}}
routes:
  - {name: lessons, paths: [/lessons], upstream: tutor, auth: token, cors: app, rate_limits: [per-client]}
  - {name: open, paths: [/open], upstream: tutor, auth: public, rate_limits: [per-client]}
"""
POLICIES = """\
auth: {token: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}", require: {type: access}}}
cors: {app: {origins: ["https://a.example"], methods: [GET]}}
rate_limits: {per-client: {limit: "${LIMIT:-60/minute}", burst: 60, key: [address]}}
"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepository:
    """A repository with the files above, which is the working directory."""
    repository = GitRepository(tmp_path / "repository")
    repository.commit({"upstreams.yaml": ENTRY, "policies/all.yaml": POLICIES})
    monkeypatch.chdir(repository.path)
    for name in ("GATEWAY_CONFIG", "JWT_SECRET", "LIMIT"):
        monkeypatch.delenv(name, raising=False)
    return repository


def edit(made: GitRepository, old: str, new: str, file: str = "policies/all.yaml") -> None:
    path = made.path / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def decoded(capsys: pytest.CaptureFixture[str], *words: str, code: int) -> dict[str, Any]:
    assert run("diff", *words, "--json") == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_no_change_is_one_line_and_exit_code_0(made: GitRepository, capsys: pytest.CaptureFixture[str]) -> None:
    edit(made, "cors:", "# a comment\ncors:")
    assert run("diff", "main") == 0
    assert capsys.readouterr().out == "no change in effect: main and upstreams.yaml decide alike\n"
    assert decoded(capsys, "main", code=0)["changes"] == []


def test_a_loosening_is_exit_code_1_and_back_it_is_a_tightening(
    made: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(made, "60/minute", "90/minute")
    made.commit()
    found = decoded(capsys, "HEAD~1", "HEAD", code=1)
    assert (found["loosens"], found["tightens"]) == (2, 0)
    assert {one["route"] for one in found["changes"]} == {"lessons", "open"}
    one = found["changes"][0]
    assert one["setting"].startswith("rate_limits.per-client.") and one["effect"] == "loosens"
    assert one["where"] == {"old": "policies/all.yaml:3", "new": "policies/all.yaml:3"}
    back = decoded(capsys, "HEAD", "HEAD~1", code=0)
    assert (back["loosens"], back["tightens"]) == (0, 2)


def test_a_default_is_compared_wherever_the_variable_is_set(
    made: GitRepository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMIT", "1/minute")
    monkeypatch.setenv("JWT_SECRET", "0123456789abcdef0123456789abcdef")
    edit(made, "60/minute", "90/minute")
    assert decoded(capsys, "main", code=1)["loosens"] == 2


def test_another_variable_is_a_change_and_no_secret_is_anywhere(
    made: GitRepository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "0123456789abcdef0123456789abcdef"
    monkeypatch.setenv("JWT_SECRET", secret)
    monkeypatch.setenv("JWT_KEY", secret)
    edit(made, "JWT_SECRET", "JWT_KEY")
    for format in ("text", "markdown", "sarif", "json"):
        assert run("diff", "main", "--format", format, "--placeholders") == 1
        out = capsys.readouterr()
        assert "${JWT_SECRET}" in out.out and "${JWT_KEY}" in out.out
        assert secret not in out.out + out.err
    assert run("diff", "main", "--placeholders") == 1
    assert "note: compared by their names, not by what is in them: JWT_SECRET, JWT_KEY\n" in capsys.readouterr().out


def test_an_acknowledgement_in_the_new_files_covers_it(made: GitRepository, capsys: pytest.CaptureFixture[str]) -> None:
    edit(made, "https://a.example", "https://b.example")
    (one,) = decoded(capsys, "main", code=1)["changes"]
    text = f"acknowledge: [{{loosens: {one['id']}, by: ada, reason: agreed, until: UNTIL}}]\n"
    (made.path / "policies/reviewed.yaml").write_text(text.replace("UNTIL", "2999-01-01"))
    found = decoded(capsys, "main", code=0)
    assert (found["loosens"], found["acknowledged"]) == (1, 1)
    assert found["changes"][0]["acknowledged"] == {"by": "ada", "reason": "agreed", "until": "2999-01-01"}
    assert run("diff", "main") == 0
    assert "accepted by ada until 2999-01-01: agreed" in capsys.readouterr().out
    (made.path / "policies/reviewed.yaml").write_text(text.replace("UNTIL", "2020-01-01"))
    assert "ended on 2020-01-01" in decoded(capsys, "main", code=1)["notes"][0]
    edit(made, "https://b.example", "https://*.b.example")
    (made.path / "policies/reviewed.yaml").write_text(text.replace("UNTIL", "2999-01-01"))
    assert "is of nothing that loosens here" in decoded(capsys, "main", code=1)["notes"][0]


def test_each_format(made: GitRepository, capsys: pytest.CaptureFixture[str]) -> None:
    edit(made, "https://a.example", "https://b.example")
    assert run("diff", "main", "--format", "markdown") == 1
    found = capsys.readouterr().out
    assert found.startswith("<!-- gateway diff -->\n\n### 1 change opens a door\n\nCompared: `main` (")
    assert ") with the working files (`upstreams.yaml`).\n" in found and "`lessons` (`GET /" in found
    assert run("diff", "main", "--format", "sarif") == 1
    log = json.loads(capsys.readouterr().out)
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "policies/all.yaml"
    assert run("diff", "main", "--format", "json") == 1
    assert json.loads(capsys.readouterr().out)["loosens"] == 1


def test_sarif_has_files_from_the_root_of_the_repository(
    made: GitRepository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made.commit({"deploy/upstreams.yaml": ENTRY, "deploy/policies/all.yaml": POLICIES})
    edit(made, "https://a.example", "https://b.example", "deploy/policies/all.yaml")
    monkeypatch.chdir(made.path / "deploy")
    assert run("diff", "main", "--format", "sarif") == 1
    log = json.loads(capsys.readouterr().out)
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "deploy/policies/all.yaml"
    monkeypatch.chdir(made.path)
    assert decoded(capsys, "main", "deploy", code=1)["loosens"] == 1
    assert decoded(capsys, "main:deploy", "deploy/upstreams.yaml", code=1)["loosens"] == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "name what to compare the files with"),
        (("nix",), "nix is neither a file nor a folder, and no revision"),
        (("main", "nix"), "nix is neither"),
        (("main", "--json", "--format", "sarif"), "--json or --format, not both"),
        (("main", "--format", "xml"), "'xml' is not one of"),
        (("--running", "main"), "--running compares the files of the gateway itself"),
        (("--running", "--placeholders"), "--running compares the files of the gateway itself"),
        (("--", "-main"), "-main begins with a hyphen"),
    ],
)
def test_what_cannot_be_compared_is_exit_code_2(
    made: GitRepository, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    assert run("diff", *words) == 2
    out = capsys.readouterr()
    assert (sentence in out.err and out.out == "") or "--json" in words
    assert "Traceback" not in out.err


def test_problems_of_both_sides_are_named_by_their_side(
    made: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    made.commit({"policies/all.yaml": POLICIES.replace("key: [address]", "key: [adress]")})
    edit(made, "origins", "origin")
    found = decoded(capsys, "HEAD", code=2)
    assert found["ok"] is False and found["error"].startswith("HEAD cannot be compared; upstreams.yaml cannot")
    assert {one["side"] for one in found["problems"]} == {"HEAD", "upstreams.yaml"}
    assert {one["file"] for one in found["problems"]} == {"policies/all.yaml"}
    assert run("diff", "HEAD") == 2
    err = capsys.readouterr().err
    assert "nothing was compared with HEAD" in err and "policies/all.yaml:3:" in err


def test_two_folders_and_two_files_need_no_repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, origin in (("a", "https://a.example"), ("b", "https://b.example")):
        (tmp_path / name / "policies").mkdir(parents=True)
        (tmp_path / name / "upstreams.yaml").write_text(ENTRY)
        (tmp_path / name / "policies/all.yaml").write_text(POLICIES.replace("https://a.example", origin))
    for words in (("a", "b"), ("a/upstreams.yaml", "b/upstreams.yaml"), ("./a", f"{tmp_path}/b")):
        found = decoded(capsys, *words, code=1)
        assert found["changes"][0]["where"]["old"] == "a/policies/all.yaml:2"
    assert decoded(capsys, "b", "b/", code=0)["changes"] == []


def test_help_says_what_a_side_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["diff", "--help"])
    assert "git revision" in " ".join(capsys.readouterr().out.split())
