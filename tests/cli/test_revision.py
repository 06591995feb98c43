"""Files of a revision as they are stored: nothing of the repository is executed, hidden or followed out of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.cli import revision
from gateway.cli.revision import Repository, RevisionError
from tests.cli.git_repository import GitRepository


@pytest.fixture
def made(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "repository")


def written(made: GitRepository, folder: Path, name: str = "HEAD") -> frozenset[str]:
    """Write all files of the commit below ``folder``; the paths that lead out of it."""
    folder.mkdir()
    repository = Repository(made.path)
    commit = repository.commit(name)
    assert commit is not None
    return repository.write(repository.entries(commit), folder)


def tree_of(made: GitRepository, entries: Mapping[str, tuple[str, str]]) -> None:
    """A commit with ``entries``, each a mode and a content, in one tree; not all are such as git would make."""
    lines = b""
    for name, (mode, content) in entries.items():
        found = made.git("hash-object", "-w", "--stdin", given=content.encode())
        lines += f"{mode} {name}".encode() + b"\0" + bytes.fromhex(found)
    tree = made.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", given=lines)
    made.git("update-ref", "HEAD", made.git("commit-tree", "-m", "crooked", tree))


def test_a_branch_a_tag_an_older_commit_and_an_id_name_one(made: GitRepository) -> None:
    first = made.commit({"a.yaml": "1"})
    made.git("tag", "--annotate", "--message=x", "v1")
    second = made.commit({"a.yaml": "2"})
    repository = Repository(made.path)
    assert [repository.commit(name) for name in ("HEAD~1", "v1", first, first[:9])] == [first] * 4
    assert [repository.commit(name) for name in ("main", "HEAD", "@", "refs/heads/main")] == [second] * 4


@pytest.mark.parametrize(
    "name", ["", "nix", "HEAD~9", "main..HEAD", "a b", "a\nb", "HEAD\0", ":/next", "x" * 300, "HEAD:a.yaml", "--"]
)
def test_what_names_no_commit(made: GitRepository, name: str) -> None:
    made.commit({"a.yaml": "1"})
    if name == "--":
        with pytest.raises(RevisionError, match="hyphen"):
            Repository(made.path).commit(name)
    else:
        assert Repository(made.path).commit(name) is None


def test_an_option_is_never_handed_to_git(made: GitRepository, tmp_path: Path) -> None:
    made.commit({"a.yaml": "1"})
    for name in (f"--output={tmp_path}/out", "--exec-path=/", "-c", "--help"):
        with pytest.raises(RevisionError, match="hyphen"):
            Repository(made.path).commit(name)
    assert not (tmp_path / "out").exists()


def test_where_there_is_no_repository_and_in_a_folder_of_one(made: GitRepository, tmp_path: Path) -> None:
    made.commit({"a/b c/x.yaml": "1"})
    assert Repository(tmp_path).prefix() is None
    assert Repository(tmp_path).commit("HEAD") is None
    assert Repository(made.path).prefix() == ""
    assert Repository(made.path / "a" / "b c").prefix() == "a/b c"


def test_files_are_written_as_they_are_stored_for_this_user_alone(made: GitRepository, tmp_path: Path) -> None:
    made.commit({"upstreams.yaml": "a\r\nb\n", "policies/ü x.yaml": "x", "run.sh": "y"})
    (made.path / ".gitattributes").write_text("* export-ignore text eol=lf ident\n")
    made.git("add", ".gitattributes")
    made.git("commit", "--quiet", "--message=attributes")
    assert written(made, tmp_path / "out") == frozenset()
    assert (tmp_path / "out/upstreams.yaml").read_bytes() == b"a\r\nb\n"
    assert (tmp_path / "out/policies/ü x.yaml").read_text() == "x"
    assert not stat.S_IMODE((tmp_path / "out/run.sh").stat().st_mode) & 0o111


def test_the_working_files_and_the_index_stay_as_they_are(made: GitRepository, tmp_path: Path) -> None:
    made.commit({"a.yaml": "1"})
    (made.path / "a.yaml").write_text("2")
    (made.path / "new.yaml").write_text("3")
    before = {each: each.stat().st_mtime_ns for each in sorted(made.path.rglob("*"))}
    written(made, tmp_path / "out")
    assert {each: each.stat().st_mtime_ns for each in sorted(made.path.rglob("*"))} == before
    assert (tmp_path / "out/a.yaml").read_text() == "1" and not (tmp_path / "out/new.yaml").exists()


def test_a_hostile_repository_executes_nothing(made: GitRepository, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    touch = f"touch {mark}; false"
    made.commit({"a.yaml": "1", ".gitattributes": "*.yaml filter=evil diff=evil merge=evil\n"})
    for key in (
        *("core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "core.askPass", "core.gitProxy"),
        *("filter.evil.smudge", "filter.evil.clean", "filter.evil.process", "diff.evil.textconv", "diff.evil.command"),
        *(
            "diff.external",
            "credential.helper",
            "core.alternateRefsCommand",
            "gpg.program",
            "uploadpack.packObjectsHook",
        ),
        *(
            "alias.rev-parse",
            "alias.cat-file",
            "alias.ls-tree",
            "pager.cat-file",
            "pager.ls-tree",
            "trace2.eventTarget",
        ),
        *("remote.origin.uploadpack", "remote.origin.receivepack"),
    ):
        made.git("config", key, f"!{touch}" if key.startswith("alias.") else touch)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in ("post-checkout", "pre-commit", "reference-transaction", "post-index-change", "fsmonitor-watchman"):
        (hooks / hook).write_text(f"#!/bin/sh\n{touch}\n")
        (hooks / hook).chmod(0o755)
    made.git("config", "core.hooksPath", str(hooks))
    written(made, tmp_path / "out")
    assert (tmp_path / "out/a.yaml").read_text() == "1"
    assert not mark.exists()


def test_what_is_missing_of_a_partial_clone_is_not_fetched(made: GitRepository, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    made.commit({"a.yaml": "1"})
    gone = made.git("rev-parse", "HEAD:a.yaml")
    (made.path / ".git/objects" / gone[:2] / gone[2:]).unlink()
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::sh -c touch% {mark}",
        "protocol.ext.allow": "always",
        "protocol.allow": "always",
    }.items():
        made.git("config", key, value)
    with pytest.raises(RevisionError, match="not here whole"):
        written(made, tmp_path / "out")
    assert not mark.exists()


def test_a_checkout_of_another_user_can_be_read(
    made: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.commit({"a.yaml": "1"})
    # Git's own tests pretend so by this variable.
    monkeypatch.setitem(revision._ENVIRONMENT, "GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    written(made, tmp_path / "out")
    assert (tmp_path / "out/a.yaml").read_text() == "1"


def test_a_replaced_object_is_the_one_that_was_committed(made: GitRepository, tmp_path: Path) -> None:
    made.commit({"a.yaml": "1"})
    other = made.git("hash-object", "-w", "--stdin", given=b"2")
    made.git("replace", made.git("rev-parse", "HEAD:a.yaml"), other)
    written(made, tmp_path / "out")
    assert (tmp_path / "out/a.yaml").read_text() == "1"


def test_links_inside_are_followed_and_those_that_lead_out_are_empty(made: GitRepository, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("secret")
    made.commit({"a/x.yaml": "1", "deep/y.yaml": "2"})
    links = {
        "in.yaml": "a/x.yaml",
        "folder": "a",
        "absolute.yaml": str(tmp_path / "secret.yaml"),
        "up.yaml": "../secret.yaml",
        "deep/top": "..",
        "over.yaml": "deep/top/../secret.yaml",  # by its letters alone it stays inside
        "self.yaml": "self.yaml",
        "passwd.json": "/etc/passwd",
    }
    for name, target in links.items():
        (made.path / name).symlink_to(target)
    made.commit()
    outside = written(made, tmp_path / "out")
    assert outside == {"absolute.yaml", "up.yaml", "over.yaml", "passwd.json"}
    assert (tmp_path / "out/in.yaml").read_text() == "1" and (tmp_path / "out/folder/x.yaml").read_text() == "1"
    for name in outside:
        assert not (tmp_path / "out" / name).is_symlink() and (tmp_path / "out" / name).read_bytes() == b""
    root = Path(os.path.realpath(tmp_path / "out"))
    for found in (tmp_path / "out").rglob("*"):
        assert found.name == "self.yaml" or Path(os.path.realpath(found)).is_relative_to(root)


@pytest.mark.parametrize("name", ["..", ".", "..%2f", "a/../../b", "/etc/x"])
def test_a_tree_that_git_does_not_make_writes_nothing_elsewhere(made: GitRepository, tmp_path: Path, name: str) -> None:
    made.commit()
    tree_of(made, {name: ("100644", "owned")})
    if name == "..%2f":
        written(made, tmp_path / "out")
        assert (tmp_path / "out" / name).read_text() == "owned"
        return
    with pytest.raises(RevisionError, match="leads elsewhere"):
        written(made, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_is_never_written_through_a_link_of_the_same_tree(made: GitRepository, tmp_path: Path) -> None:
    made.commit()
    (tmp_path / "elsewhere").mkdir()
    tree_of(made, {"a": ("120000", str(tmp_path / "elsewhere")), "a/b": ("100644", "owned")})
    with pytest.raises(RevisionError, match="leads elsewhere"):
        written(made, tmp_path / "out")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_one_name_twice_is_refused(made: GitRepository, tmp_path: Path) -> None:
    made.commit()
    blob = made.git("hash-object", "-w", "--stdin", given=b"x")
    line = b"100644 a\0" + bytes.fromhex(blob)
    tree = made.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", given=line * 2)
    made.git("update-ref", "HEAD", made.git("commit-tree", "-m", "twice", tree))
    with pytest.raises(RevisionError, match="cannot be read"):
        written(made, tmp_path / "out")


def test_a_submodule_is_left_out(made: GitRepository, tmp_path: Path) -> None:
    first = made.commit({"a.yaml": "1"})
    made.git("update-index", "--add", "--cacheinfo", f"160000,{first},sub")
    made.git("commit", "--quiet", "--message=sub")
    written(made, tmp_path / "out")
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["a.yaml"]


def test_sizes_are_bounded(made: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made.commit({"a.yaml": "x" * 2000, "b.yaml": "y" * 10})
    monkeypatch.setattr(revision, "MOST_BYTES", 1000)
    written(made, tmp_path / "large")
    assert (tmp_path / "large/a.yaml").read_bytes() == bytes(1001)  # so large that the reader says so
    assert (tmp_path / "large/b.yaml").read_text() == "y" * 10
    monkeypatch.setattr(revision, "MOST_TOTAL", 9)
    with pytest.raises(RevisionError, match="MiB"):
        written(made, tmp_path / "total")
    monkeypatch.setattr(revision, "MOST_FILES", 1)
    with pytest.raises(RevisionError, match="more than 1 files"):
        written(made, tmp_path / "many")
    monkeypatch.setattr(revision, "MOST_LISTED", 20)
    with pytest.raises(RevisionError, match="too large"):
        written(made, tmp_path / "listed")


def test_one_blob_of_many_names_counts_for_each(
    made: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.commit({f"{n}.yaml": "x" * 1000 for n in range(10)})
    monkeypatch.setattr(revision, "MOST_TOTAL", 9999)
    with pytest.raises(RevisionError, match="MiB"):
        written(made, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_git_that_hangs_or_is_not_there(made: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made.commit({"a.yaml": "1"})
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text("#!/bin/sh\nexec sleep 100\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", f"{git.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(revision, "WITHIN", 0.05)
    with pytest.raises(RevisionError, match=r"more than 0\.05 seconds"):
        Repository(made.path).entries("0" * 40)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RevisionError, match="needs the command git"):
        Repository(made.path).entries("0" * 40)
