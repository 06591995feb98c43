"""``gateway schema``: what editors are given agrees with what the gateway accepts."""

import json
from pathlib import Path

import pytest

from gateway.config.load import shipped_kinds
from tests.cli.command_line import run

ROOT = Path(__file__).parent.parent.parent


def test_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema") == 0
    assert capsys.readouterr().out.split() == ["upstreams", *shipped_kinds(), "tests"]


def test_all_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema", "--json") == 0
    assert list(json.loads(capsys.readouterr().out)) == ["upstreams", *shipped_kinds(), "tests"]


def test_an_unknown_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema", "bodys") == 2
    assert "there is no kind bodys; did you mean bodies?" in capsys.readouterr().err


def test_durations_sizes_and_secrets_for_editors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema", "upstreams") == 0
    schema = json.loads(capsys.readouterr().out)
    drain = schema["properties"]["listen"]["properties"]["drain"]
    plain, times = drain["anyOf"]
    finish = times["properties"]["finish"]
    assert finish["default"] == "20s"
    for duration in (plain, finish):
        assert duration["anyOf"][0]["pattern"].endswith("(ms|s|m|h|d)$")
        assert duration["anyOf"][1] == {"type": "string", "pattern": r"\$\{"}
    assert finish["description"].startswith("How long requests may take to finish")
    assert schema["required"] == ["version"]
    assert schema["additionalProperties"] is False


def test_the_shipped_schemas_are_up_to_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema", "--write", str(tmp_path)) == 0
    assert "wrote" in capsys.readouterr().out
    shipped = ROOT / "policies" / "editor"
    assert sorted(path.name for path in shipped.iterdir()) == sorted(path.name for path in tmp_path.iterdir())
    for made in tmp_path.iterdir():
        assert (shipped / made.name).read_text() == made.read_text(), "run: gateway schema --write policies/editor"


def test_one_schema_is_written_when_one_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema", "cors", "--write", str(tmp_path / "new"), "--json") == 0
    assert json.loads(capsys.readouterr().out) == ["cors"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["cors.json"]
