"""``gateway check`` as people and programs call it."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.command_line import run


def test_a_good_file_is_one_line(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_text(good.read_text().replace("ops: {", "listen: {port: 0}\nops: {port: 0, "))
    assert run("check") == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("ok: 1 routes, 2 procedures, 0 policies, environment development, digest ")
    assert printed.out.count("\n") == 1 and printed.err == ""


def test_a_good_file_as_json(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--config", str(good), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True and report["routes"] == 1 and len(report["digest"]) == 64
    assert report["files"] == [str(good)]


def test_a_check_as_another_environment_and_without_secrets(
    good: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        good.read_text().replace("OPS_TOKEN:-", "OPS_TOKEN")
        + 'state: {key: "${STATE_KEY}"}\nbodies: {json: {max: 1KiB}}\n'
    )
    good.write_text(text.replace("auth: public", "auth: public, body: json"))
    assert run("check") == 2
    assert "set OPS_TOKEN" in capsys.readouterr().err
    assert run("check", "--env", "production", "--placeholders") == 0
    printed = capsys.readouterr().out
    assert (
        "environment production" in printed and "note: filled in, and so not checked: OPS_TOKEN, STATE_KEY" in printed
    )
    monkeypatch.setenv("OPS_TOKEN", "changeme")
    assert run("check", "--env", "production", "--placeholders", "--json") == 2
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["path"], problem["sentence"]) == ("ops.token", "is a placeholder and no secret")
    assert run("check", "--placeholders", "--json") == 0
    assert json.loads(capsys.readouterr().out)["placeholders"] == ["STATE_KEY"]
    assert run("check", "--env", "Production") == 2


def test_the_coverage_by_schemas_is_shown(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = good.read_text().replace("auth: public", "auth: public, body: json, schema: inputs")
    assert run("check", "--offline") == 0 and "schemas:" not in capsys.readouterr().out
    for name in re.findall(r"procedures: \[([^]]*)\]", text)[0].split(", "):
        good.with_name(f"{name}.json").write_text("true")
    good.write_text(text + "schemas: {inputs: {files: '*.json'}}\nbodies: {json: {max: 1KiB}}\n")
    assert run("check", "--offline") == 0
    assert "schemas: 2 of 2 procedures, 0 of 0 routes\n" in capsys.readouterr().out
    assert run("check", "--offline", "--json") == 0
    coverage = json.loads(capsys.readouterr().out)["coverage"]
    assert coverage == {"procedures": {"covered": 2, "of": 2}, "routes": {"covered": 0, "of": 0}}
