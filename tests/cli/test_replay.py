"""``gateway replay``: exit codes, the report, and what it is given."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from gateway.review.dry_run.request import DryRequest
from tests.cli.command_line import run
from tests.review.replay.configs import config
from tests.review.replay.recording import Recording

INFO = DryRequest("GET", "/info")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    recording = Recording(config(tmp_path / "old"))
    for _ in range(5):
        recording.run(INFO)
    recording.run(DryRequest("GET", "/nowhere"))
    (tmp_path / "gateway.log").write_bytes(b"\n".join([*recording.sink.lines, b"Killed", b""]))
    return tmp_path / "gateway.log"


def replay(log: Path, old: str | Path, new: str | Path, *more: str) -> int:
    return run("replay", str(log), "--old", str(old), "--new", str(new), *more)


def test_nothing_changes(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(log, log.parent / "old", log.parent / "old" / "upstreams.yaml") == 0
    out = capsys.readouterr().out
    assert out.startswith("of 6 requests 0 would now be refused, 0 would now pass\n")
    assert "1 lines cannot be read" in out and f"{log}:7" in out


def test_what_changes_is_said_with_samples(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config(log.parent / "new", ("burst: 60", "burst: 2"))
    assert replay(log, log.parent / "old", log.parent / "new", "--sample", "1") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "of 6 requests 3 would now be refused (rate_limited 3), 0 would now pass, 1 would be refused for another reason"
    )
    assert lines[1] == "         3  info: pass -> rate_limited"
    assert lines[2].split()[:4] == [f"{log}:3", "2027-01-15T08:00:00Z", "GET", "/info"]
    assert lines[3] == "         1  unmatched: no_route -> rate_limited"


def test_programs_get_json(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config(log.parent / "new", ("paths: [/info]", "paths: [/nowhere]"))
    assert replay(log, log.parent / "old", log.parent / "new", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["requests"], found["unchanged"], found["changed"]) == (False, 6, 0, 6)
    assert found["would_refuse"] == {"requests": 5, "reasons": {"no_route": 5}}
    assert found["would_pass"] == {"requests": 1, "reasons": {"no_route": 1}}
    assert [(each["effect"], each["route"], each["before"], each["after"]) for each in found["changes"]] == [
        ("refused", "unmatched", "pass", "no_route"),
        ("passed", "info", "no_route", "pass"),
    ]
    sample = found["changes"][1]["samples"][0]
    assert (sample["at"], sample["path"], sample["client"]) == (f"{log}:6", "/nowhere", "203.0.113.7")
    assert found["unreadable"]["why"] == {"is no JSON": {"lines": 1, "first": f"{log}:7"}}
    assert found["cannot_tell"] == {"requests": 0, "why": {}}


def test_what_cannot_be_known_is_no_good_answer(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change = ("burst: 60, key: [address]", "burst: 60, key: ['header:x-app']")
    config(log.parent / "new", change)
    assert replay(log, log.parent / "old", log.parent / "new") == 1
    assert "6 cannot be known:" in capsys.readouterr().out


def test_a_side_may_be_a_revision(
    log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = log.parent / "old"
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b.co", "commit", "-qm", "a"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    config(folder, ("paths: [/info]", "paths: [/infos]"))
    monkeypatch.chdir(folder)
    assert replay(log, "HEAD", ".", "--json") == 1
    assert json.loads(capsys.readouterr().out)["would_refuse"]["requests"] == 5


@pytest.mark.parametrize("json_option", [(), ("--json",)])
def test_bad_input_is_a_sentence(log: Path, capsys: pytest.CaptureFixture[str], json_option: tuple[str, ...]) -> None:
    old = log.parent / "old"
    (log.parent / "bad.yaml").write_text("version: 1\nroutes: 7\n")
    (log.parent / "other.log").write_text("hello\n" * 3)
    (log.parent / "empty.log").write_text("")
    for words in (
        (log, old, log.parent / "nothing"),
        (log, log.parent / "bad.yaml", old),
        (log.parent / "nothing.log", old, old),
        (log.parent / "other.log", old, old),
        (log.parent / "empty.log", old, old),
    ):
        assert replay(*words, *json_option) == 2
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        if json_option:
            assert json.loads(printed.out)["ok"] is False
        else:
            assert printed.err.strip() and not printed.out


def test_nothing_of_a_log_steers_the_terminal(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = json.loads(log.read_bytes().splitlines()[0])
    forged = [{**line, "path": "/\x1b[2J"}, {**line, "path": "/info", "id": "a\u202eb"}, {**line, "id": "\x9b31m"}]
    with log.open("a") as file:
        file.write("\n".join(json.dumps(each) for each in forged))
    config(log.parent / "new", ("paths: [/info]", "paths: [/infos]"))
    replay(log, log.parent / "old", log.parent / "new", "--sample", "100")
    out = capsys.readouterr().out
    assert all(each.isprintable() for each in out.splitlines())
