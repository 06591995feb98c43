"""Which build: the version of the package, and the revision from a variable or from the files of a checkout."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from gateway.process.build import REVISION_VARIABLE, UNKNOWN_VERSION, Build, build

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")


def git(folder: Path, *words: str) -> str:
    return subprocess.run([*GIT, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_a_variable_names_the_revision(tmp_path: Path) -> None:
    assert build({REVISION_VARIABLE: "C0FFEE12\n"}, tmp_path).revision == "c0ffee12"
    for wrong in ("", "main", "c0ffee; rm", "x" * 99, "c0f"):
        assert build({REVISION_VARIABLE: wrong}, tmp_path).revision == ""


def test_a_checkout_knows_its_commit(tmp_path: Path) -> None:
    assert build({}, tmp_path).revision == ""
    git(tmp_path, "init", "-q")
    assert build({}, tmp_path).revision == "", "without a commit"
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "a")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert build({}, tmp_path).revision == commit
    git(tmp_path, "pack-refs", "--all")
    assert build({}, tmp_path).revision == commit, "packed"
    tree = tmp_path.parent / f"{tmp_path.name}-tree"
    git(tmp_path, "worktree", "add", "-q", "-b", "other", str(tree))
    assert build({}, tree).revision == commit, "a worktree"
    git(tmp_path, "checkout", "-q", "--detach")
    assert build({}, tmp_path).revision == commit, "on no branch"


@pytest.mark.parametrize("head", ["", "ref: ../../etc/passwd", "ref: refs/heads/none", "\x00", "gitdir: nowhere"])
def test_a_broken_checkout_has_none(tmp_path: Path, head: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(head)
    assert build({}, tmp_path).revision == ""


def test_what_people_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert str(Build("1.2.3", "c0ffee" * 6)).startswith("1.2.3 (c0ffeec0ffee), Python 3.")
    assert str(Build("1.2.3")).startswith("1.2.3, Python 3.")

    def unknown(_: str) -> str:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "version", unknown)
    assert build({}, tmp_path) == Build(UNKNOWN_VERSION)
