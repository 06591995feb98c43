"""``gateway check`` as people and programs call it."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_line import GOOD, run


def test_a_good_file_is_one_line_and_how_many_findings_there_are(
    good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good.write_text(good.read_text().replace("ops: {", "listen: {port: 0}\nops: {port: 0, "))
    assert run("check") == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("ok: 1 routes, 2 procedures, 0 policies, environment development, digest ")
    assert printed.out.splitlines()[1:] == [
        "findings: 2 high, 4 medium, 1 low; what one is about: gateway check --explain ID"
    ]
    assert [line.split("  ")[0] for line in printed.err.splitlines()] == 2 * ["high"] + 4 * ["medium"] + ["low"]


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


ACCEPTED = """acknowledge:
  - {finding: ID, at: all, by: Ada, reason: "a trial on this machine", until: UNTIL}
"""


def findings(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
    return found


def test_findings_as_json_the_worst_first(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--offline", "--json") == 0
    found = findings(capsys)
    assert [one["id"] for one in found[:2]] == ["body-unbounded", "public-without-limit"]
    first = found[1]
    assert first["where"] == "upstreams.yaml:5" and (first["file"], first["line"]) == ("upstreams.yaml", 5)
    assert (first["severity"], first["path"], first["accepted"]) == ("high", "routes.a", None)
    assert all(first[key] for key in ("title", "sentence", "why", "hint"))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 0),
        (("--fail-on", "high"), 1),
        (("--fail-on", "low"), 1),
        (("--strict",), 1),
        (("--fail-on", "worst"), 2),
    ],
)
def test_a_finding_fails_where_it_is_asked_for(words: tuple[str, ...], code: int, good: Path) -> None:
    assert run("check", "--offline", *words) == code
    assert run("check", "--offline", "--json", *words) == code
    assert run("check", "--offline", "--format", "sarif", *words) == code


def test_what_somebody_answers_for_neither_shows_nor_fails_until_its_day_is_over(
    good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", "--offline", "--json") == 0
    ids = {one["id"] for one in findings(capsys)}
    today = datetime.now(UTC).date()
    for until, code in ((today + timedelta(days=1), 0), (today - timedelta(days=1), 1)):
        lines = [ACCEPTED.splitlines()[1].replace("ID", one).replace("UNTIL", str(until)) for one in ids]
        good.write_text(GOOD + "\n".join(["acknowledge:", *lines, ""]))
        assert run("check", "--offline", "--fail-on", "low") == code
        printed = capsys.readouterr()
        assert ("findings: 7 accepted\n" in printed.out) is (code == 0)
        assert ("public-without-limit: " in printed.err) is (code == 1)
        assert printed.err.count("is over, so it acknowledges nothing any more") == (0 if code == 0 else len(ids))
        assert run("check", "--offline", "--strict") == code
        capsys.readouterr()
        assert run("check", "--offline", "--json") == 0
        assert {one["accepted"] is not None for one in findings(capsys)} == {code == 0}


def test_a_warning_fails_only_where_everything_does(good: Path) -> None:
    clean = "".join(ACCEPTED.splitlines(keepends=True)[:1])
    until = datetime.now(UTC).date() + timedelta(days=9)
    for one in (
        "body-unbounded",
        "public-without-limit",
        "development-in-public",
        "per-address-unset",
        "schema-missing",
    ):
        clean += f"  - {{finding: {one}, by: Ada, reason: a trial, until: {until}}}\n"
    for one in ("upstream-unprotected", "secure-headers-missing"):
        clean += f"  - {{finding: {one}, by: Ada, reason: a trial, until: {until}}}\n"
    good.write_text(GOOD + clean)
    assert run("check", "--offline", "--strict") == 0
    good.write_text(GOOD + clean + "cors: {unused: {origins: ['https://a.example']}}\n")
    assert (run("check", "--offline", "--strict"), run("check", "--offline", "--fail-on", "low")) == (1, 0)


def test_sarif_has_findings_with_their_lines_and_who_answers_for_them(
    good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    until = datetime.now(UTC).date() + timedelta(days=9)
    accepted = ACCEPTED.replace("ID", "body-unbounded").replace("UNTIL", str(until))
    good.write_text(GOOD + accepted + "cors: {unused: {origins: ['https://a.example']}}\n")
    assert run("check", "--offline", "--format", "sarif") == 0
    (ran,) = json.loads(capsys.readouterr().out)["runs"]
    results = {one["ruleId"]: one for one in ran["results"]}
    location = results["public-without-limit"]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "upstreams.yaml" and location["region"]["startLine"] == 5
    assert results["public-without-limit"]["level"] == "error" and "suppressions" not in results["public-without-limit"]
    assert "a trial on this machine" in results["body-unbounded"]["suppressions"][0]["justification"]
    assert results["configuration-warning"]["level"] == "warning"


def test_sarif_of_files_with_which_nothing_would_start(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_text(GOOD + "extra: 1\n")
    assert run("check", "--offline", "--format", "sarif") == 2
    (ran,) = json.loads(capsys.readouterr().out)["runs"]
    assert [(one["ruleId"], one["level"]) for one in ran["results"]] == [("configuration-problem", "error")]


def test_what_one_finding_is_about(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where there is no configuration
    assert run("check", "--explain", "leeway-long") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("leeway-long (low)\n") and "Why: " in printed and "leeway: 5s" in printed
    assert run("check", "--explain", "leeway-long", "--json") == 0
    assert json.loads(capsys.readouterr().out)["severity"] == "low"
    assert run("check", "--explain", "leeway-lang", "--json") == 2
    printed_both = capsys.readouterr()
    assert printed_both.err == "gateway check: there is no finding leeway-lang: did you mean leeway-long?\n"
    assert json.loads(printed_both.out)["close"] == ["leeway-long"]
    assert run("check", "--explain", "\x1b[31mxyz") == 2
    assert "\x1b" not in capsys.readouterr().err


def test_the_page_of_the_documentation_is_that_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--explain", "all") == 0
    page = (Path(__file__).parents[2] / "docs" / "findings.md").read_text()
    assert capsys.readouterr().out == page, "run: gateway check --explain all > docs/findings.md"


def test_what_only_reports_is_reminded_of_with_its_days(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    today = datetime.now(UTC).date()
    for days, words in ((0, "the last day of it"), (1, "1 day left"), (30, "30 days left")):
        until = today + timedelta(days=days)
        good.write_text(GOOD.replace("auth: public", f"auth: public, mode: report, until: {until}"))
        assert run("check", "--offline") == 0
        assert f"note: only reports: routes.a until {until}, {words}\n" in capsys.readouterr().out
    good.write_text(GOOD.replace("auth: public", f"auth: public, mode: report, until: {today - timedelta(days=1)}"))
    assert run("check", "--offline") == 0
    printed = capsys.readouterr()
    assert "only reports" not in printed.out and "is over, so the route is enforced" in printed.err


def test_nothing_of_the_files_controls_the_terminal(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_text(GOOD + 'fallbacks: {f: {json: {"a\\u202Eb": sk-live-0123456789abcdef0123}}}\n')
    run("check", "--offline")
    printed = capsys.readouterr()
    assert "\u202e" not in printed.out + printed.err and "fallbacks.f.json.a\\u202eb  secret-in-file: " in printed.err
