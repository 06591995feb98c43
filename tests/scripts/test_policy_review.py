"""The workflow for pull requests: its steps, run by a real shell on a real repository, with a stand-in for ``gh``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.cli.diff_markdown import MARK
from tests.cli.git_repository import GitRepository

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy/github/policy-review.yaml"
INSTALL = "Install the gateway of the branch it goes into"

ENTRY = """\
version: 1
upstreams: {tutor: {endpoints: [{url: "http://127.0.0.1:1"}]}}
auth: {token: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}", require: {type: access}}}
cors: {app: {origins: ["https://a.example"], methods: [GET]}}
routes: [{name: a, paths: [/a], upstream: tutor, auth: token, cors: app}]
"""

# Writes down what it is asked for, with the file that it would send; says that there are COMMENTS.
GH = """\
import json, os, sys
words = sys.argv[1:]
body = next((open(word.split("@", 1)[1]).read() for word in words if "=@" in word), "")
with open(os.environ["ASKED"], "a") as file:
    file.write(json.dumps([words, body]) + "\\n")
if "--jq" in words:
    print(os.environ.get("COMMENTS", ""), end="")
elif "--method" in words and os.environ.get("READ_ONLY"):
    sys.exit(1)
"""


def workflow() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workflow()["jobs"]["review"]["steps"]
    return found


class Runner:
    """Runs the steps in ``folder`` as a runner does, for the pull request 7 of ``made``."""

    def __init__(self, folder: Path, made: GitRepository) -> None:
        self.folder = folder
        self.made = made
        (folder / "bin").mkdir(parents=True)
        for name, line in (("gh", f"{folder}/gh.py"), ("gateway", "-m gateway")):
            # CANNED: what `gateway` writes and how it ends, for tests of what comes after it.
            canned = '[ -z "$CANNED" ] || { echo "$CANNED"; echo "$CANNED" >&2; exit "$CODE_OF_CANNED"; }\n'
            (folder / "bin" / name).write_text(
                f'#!/bin/sh\n{canned if name == "gateway" else ""}exec {sys.executable} {line} "$@"\n'
            )
            (folder / "bin" / name).chmod(0o755)
        (folder / "gh.py").write_text(GH)

    def run(self, **more: str) -> tuple[int, str]:
        """Exit code of the last step and what all of them print. Each step that follows gets what one leaves behind."""
        work = self.folder / "work"
        work.mkdir()
        env = {
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.folder),
            "ASKED": str(self.folder / "asked"),
            "GITHUB_SERVER_URL": f"file://{self.made.path.parent.parent}",
            "GITHUB_REPOSITORY": "owner/name",
            "GITHUB_ENV": str(self.folder / "env"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            **{"ENTRY": "upstreams.yaml", "NUMBER": "7", "HEAD_SHA": "0" * 40, "GH_TOKEN": "t"},
            **more,
        }
        printed = ""
        for step in steps():
            if step["name"] == INSTALL or ("if" in step and not more.get("SARIF")):
                continue
            left = self.folder / "env"
            env |= dict(line.split("=", 1) for line in left.read_text().splitlines()) if left.exists() else {}
            # As the runner calls a shell that is named.
            words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done = subprocess.run(words, cwd=work, env=env, capture_output=True, text=True, check=False)
            printed += done.stdout + done.stderr
            if done.returncode:
                return done.returncode, printed
        return 0, printed

    def asked(self) -> list[tuple[list[str], str]]:
        """What ``gh`` was called for, each with the content of the file that it sends."""
        return [(words, body) for words, body in map(json.loads, (self.folder / "asked").read_text().splitlines())]

    def comments(self) -> list[tuple[str, str, str]]:
        """Method, path and body of each comment."""
        return [
            (words[words.index("--method") + 1], words[words.index("--method") + 2], body)
            for words, body in self.asked()
            if "--method" in words
        ]


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    made = GitRepository(tmp_path / "owner/name")
    made.commit({"upstreams.yaml": ENTRY})
    return Runner(tmp_path / "runner", made)


def propose(made: GitRepository, text: str) -> None:
    """A pull request with ``text``, merged for a try as the host does, while main has gone on."""
    made.git("checkout", "--quiet", "-b", "change")
    made.commit({"upstreams.yaml": text})
    made.git("checkout", "--quiet", "main")
    made.commit({"README.md": "main has gone on"})
    made.git("merge", "--quiet", "--no-ff", "--message=try", "change")
    made.git("update-ref", "refs/pull/7/merge", "HEAD")
    made.git("reset", "--quiet", "--hard", "HEAD^1")


WIDER = ENTRY.replace("https://a.example", "https://*.a.example")


def test_a_loosening_is_a_comment_a_failed_check_and_beside_the_lines_where_somebody_wants_it(runner: Runner) -> None:
    propose(runner.made, WIDER)
    code, printed = runner.run(SARIF="1")
    assert code == 1 and "::error::Something opens" in printed
    (method, path, body), (_, sarif, _) = runner.comments()
    (sent,) = [words for words, _ in runner.asked() if sarif in words]
    assert sarif == "repos/owner/name/code-scanning/sarifs"
    assert f"commit_sha={'0' * 40}" in sent and "ref=refs/pull/7/head" in sent
    assert (method, path) == ("POST", "repos/owner/name/issues/7/comments")
    assert body.startswith(f"{MARK}\n\n### 1 change opens a door")
    assert "https://*.a.example" in body
    assert (runner.folder / "summary").read_text() == body


def test_the_comment_of_before_is_kept_up_to_date(runner: Runner) -> None:
    propose(runner.made, ENTRY)
    code, _ = runner.run(COMMENTS="41\n42\n", CANNED=f"{MARK}\n\n### No change in effect", CODE_OF_CANNED="0")
    ((method, path, body),) = runner.comments()
    assert (code, method, path) == (0, "PATCH", "repos/owner/name/issues/comments/41")
    assert "### No change in effect" in body
    (asked,) = [words for words, _ in runner.asked() if "--jq" in words]
    # Anybody can write a comment that begins like ours.
    assert 'select(.user.login == "github-actions[bot]" and' in asked[-1]


def test_no_change_is_no_comment(runner: Runner) -> None:
    propose(runner.made, ENTRY)
    assert runner.run(CANNED=f"{MARK}\n\n### No change in effect", CODE_OF_CANNED="0")[0] == 0
    assert runner.comments() == []


def test_files_that_cannot_be_compared_are_said_and_read_as_nothing(runner: Runner) -> None:
    propose(runner.made, ENTRY)
    code, printed = runner.run(CANNED="a.yaml:1:1 <b>@ada</b>\n# a.yaml:2:1", CODE_OF_CANNED="2")
    assert code == 1 and "::error::The two sides cannot be compared." in printed
    ((_, _, body),) = runner.comments()
    lines = body.splitlines()
    assert lines[:3] == [MARK, "", "### The two sides cannot be compared"]
    assert len(lines) > 4 and all(not line or line.startswith("    ") for line in lines[3:])


def test_of_a_fork_the_review_is_in_the_summary_and_nothing_is_executed_or_checked_out(
    runner: Runner, tmp_path: Path
) -> None:
    mark = tmp_path / "executed"
    made = runner.made
    for name in ("sitecustomize.py", "gateway/__init__.py", "gateway/__main__.py", "conftest.py", "typer.py"):
        (made.path / name).parent.mkdir(exist_ok=True)
        (made.path / name).write_text(f"open({str(mark)!r}, 'w')\n")
    (made.path / ".gitattributes").write_text("* filter=evil\n")
    propose(made, WIDER)
    code, printed = runner.run(READ_ONLY="1")
    assert code == 1 and "::notice::No comment can be written from here" in printed
    assert "https://*.a.example" in (runner.folder / "summary").read_text()
    assert not mark.exists()
    assert [each.name for each in (runner.folder / "work/both").iterdir()] == [".git"]


def test_it_may_do_no_more_than_it_needs_and_brings_nothing_of_others() -> None:
    found = workflow()
    assert found["permissions"] == {}
    assert found["jobs"]["review"]["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert list(found[True]) == ["pull_request"]  # YAML 1.1 reads `on` as true
    assert not any("uses" in step for step in steps())
    assert "secrets." not in FILE.read_text()


def test_no_value_of_the_pull_request_is_part_of_a_command() -> None:
    assert not any("${{" in step["run"] for step in steps())


def test_what_is_installed_is_of_the_branch_it_goes_into_by_its_hashes() -> None:
    (step,) = [step for step in steps() if step["name"] == INSTALL]
    lines = step["run"].replace("\\\n", " ").splitlines()
    assert any("worktree add" in line and line.endswith('../base "$OLD"') for line in lines)
    installed = [line for line in lines if "pip install" in line]
    assert ["--require-hashes" in line or "--no-deps --no-build-isolation ./base" in line for line in installed] == [
        True
    ] * 2
