"""A side from a file, a folder or a revision; what is none, or two at once, says so."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from gateway.cli.sides import LoadedSide, SideError, read_side
from gateway.core.secret import Secret
from gateway.policy.auth.auth import Settings
from tests.cli.git_repository import GitRepository

ENTRY = Path("upstreams.yaml")


def entry(path: str = "/a", more: str = "") -> str:
    tutor = 'tutor: {endpoints: [{url: "${TUTOR_URL:-http://127.0.0.1:1}"}]}'
    return (
        f"version: 1\ninclude: ['policies/*.yaml']\n{more}upstreams: {{{tutor}}}\n"
        f"routes: [{{name: a, paths: [{path}], upstream: tutor, auth: token}}]\n"
    )


AUTH = "auth: {token: {kind: jwt, algorithms: [HS256], secret: '${JWT_SECRET}', require: {type: access}}}\n"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepository:
    """A repository with two commits, which is the working directory."""
    repository = GitRepository(tmp_path / "repository")
    repository.commit({"upstreams.yaml": entry("/old"), "policies/auth.yaml": AUTH, "docs/x.md": "no file of it"})
    repository.commit({"upstreams.yaml": entry("/new")})
    monkeypatch.chdir(repository.path)
    return repository


def paths(side: LoadedSide) -> tuple[str, ...]:
    return side.config.routes[0].paths


def refused(written: str) -> str:
    with pytest.raises(SideError) as raised:
        read_side(written, ENTRY)
    return "\n".join([str(raised.value), *map(str, raised.value.problems)])


def test_a_file_a_folder_and_every_kind_of_revision(made: GitRepository) -> None:
    made.git("tag", "v1", "HEAD~1")
    (made.path / "upstreams.yaml").write_text(entry("/working"))
    for written in ("upstreams.yaml", ".", "./upstreams.yaml", str(made.path), f"{made.path}/upstreams.yaml"):
        assert paths(read_side(written, ENTRY)) == ("/working",), written
    for written in ("main", "HEAD", "main:upstreams.yaml", "HEAD:", "HEAD:.", "HEAD:./upstreams.yaml"):
        assert paths(read_side(written, ENTRY)) == ("/new",), written
    for written in ("HEAD~1", "v1", "v1:upstreams.yaml", made.git("rev-parse", "HEAD~1"), "main^"):
        assert paths(read_side(written, ENTRY)) == ("/old",), written


def test_each_side_is_called_by_what_it_is_and_says_which_files_differ(made: GitRepository) -> None:
    commit = made.git("rev-parse", "HEAD")
    (made.path / "policies/auth.yaml").write_text(f"# a comment\n{AUTH}")
    new, old = read_side("upstreams.yaml", ENTRY), read_side("main", ENTRY)
    assert new.in_words == "the working files (`upstreams.yaml`)"
    assert old.in_words == f"`main` ({commit[:7]})"
    assert read_side(f"{commit}:upstreams.yaml", ENTRY).in_words == f"`{commit[:7]}:upstreams.yaml`"
    assert new.edited(old) == ("policies/auth.yaml",)
    assert read_side("HEAD~1", ENTRY).edited(old) == ("upstreams.yaml",)
    assert old.edited(old) == ()


def test_where_something_is_as_people_find_it(made: GitRepository, tmp_path: Path) -> None:
    of_revision = read_side("main", ENTRY)
    assert str(of_revision.config.routes[0].position).startswith("upstreams.yaml:")
    assert of_revision.at("policies/auth.yaml:3") == "policies/auth.yaml:3"
    os.chdir(tmp_path)
    of_folder = read_side("repository", ENTRY)
    assert of_folder.at("policies/auth.yaml:3") == "repository/policies/auth.yaml:3"
    assert of_folder.at("") == ""


def test_an_entry_in_a_folder_of_the_repository(made: GitRepository) -> None:
    made.commit({"deploy/upstreams.yaml": entry("/deep", "state: {path: var}\n"), "deploy/policies/auth.yaml": AUTH})
    assert paths(read_side("main:deploy", ENTRY)) == ("/deep",)
    assert paths(read_side("main", Path("deploy/upstreams.yaml"))) == ("/deep",)
    os.chdir(made.path / "deploy")
    side = read_side("main", ENTRY)
    assert paths(side) == ("/deep",) and side.at("policies/auth.yaml:1") == "deploy/policies/auth.yaml:1"
    assert paths(read_side("main:./upstreams.yaml", ENTRY)) == ("/deep",)
    assert paths(read_side("main:upstreams.yaml", ENTRY)) == ("/new",)
    assert side.config.state.path == read_side(".", ENTRY).config.state.path == Path("var")


def test_included_files_may_have_any_name_and_be_links(made: GitRepository) -> None:
    text = entry().replace("'policies/*.yaml'", "policies/auth.conf, shared")
    (made.path / "policies/auth.yaml").unlink()
    made.commit({"upstreams.yaml": text, "policies/real": AUTH, "shared": "cors: {}\n"})
    (made.path / "policies/auth.conf").symlink_to("real")
    made.commit()
    assert "cannot be compared" in refused("HEAD")  # `real` is named by nothing but the link
    made.commit({"upstreams.yaml": text.replace("auth.conf", "r*")})
    assert paths(read_side("HEAD", ENTRY)) == ("/a",)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("nix", "neither a file nor a folder, and no revision that is here: perhaps git fetch brings it"),
        ("./nix", "is neither a file nor a folder"),
        ("/nix", "is neither a file nor a folder"),
        ("", "is neither a file nor a folder"),
        ("-main", "begins with a hyphen"),
        ("--output=x", "begins with a hyphen"),
        ("main:nix.yaml", "has no file nix.yaml: name it, as in main:PATH/upstreams.yaml"),
        ("main:../../etc/passwd", "leads out of the repository"),
        ("main:/etc/passwd", "leads out of the repository"),
        ("policies", "policies/upstreams.yaml:1:1  cannot be read (No such file or directory)"),
        ("a\x1b[31mb", "a\\x1b[31mb is neither"),
    ],
)
def test_what_is_no_side(made: GitRepository, written: str, sentence: str) -> None:
    assert sentence in refused(written)


def test_no_repository_is_needed_for_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "upstreams.yaml").write_text(entry().replace("include: ['policies/*.yaml']\n", AUTH))
    assert paths(read_side("upstreams.yaml", ENTRY)) == ("/a",)
    assert "there is no git repository here" in refused("main")


def test_a_name_of_both_a_file_and_a_revision_says_so(made: GitRepository) -> None:
    made.git("branch", "policies")
    made.git("tag", "upstreams.yaml")
    assert "is both a file and a revision: write ./policies for the file, or policies:upstreams.yaml" in refused(
        "policies"
    )
    assert "is both" in refused("upstreams.yaml")
    assert (
        paths(read_side("./upstreams.yaml", ENTRY)) == paths(read_side("policies:upstreams.yaml", ENTRY)) == ("/new",)
    )


def test_problems_are_of_the_side_and_of_its_files(made: GitRepository) -> None:
    made.commit({"deploy/upstreams.yaml": entry().replace("auth: token", "auth: tocken")})
    shown = refused("HEAD:deploy")
    assert shown.startswith("HEAD:deploy cannot be compared\n")
    assert "deploy/upstreams.yaml:2:" in shown and "gateway-" not in shown


def test_a_link_that_leads_out_of_the_revision_is_no_file_of_it(made: GitRepository, tmp_path: Path) -> None:
    (tmp_path / "cors.yaml").write_text("cors: {}\n")
    (made.path / "policies/cors.yaml").symlink_to("../../cors.yaml")
    made.commit()
    assert "policies/cors.yaml:1:1  is a link that leads out of the revision" in refused("HEAD")


def test_a_reference_that_nothing_can_stand_in_for_is_named(made: GitRepository) -> None:
    made.commit({"upstreams.yaml": entry(more='listen: {port: "x${PORT}${OTHER}"}\n')})
    assert "nothing can stand in for: listen.port (PORT), listen.port (OTHER)" in refused("HEAD")


def test_nothing_is_left_of_what_was_written_down(
    made: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    read_side("main", ENTRY)
    refused("main:nix.yaml")
    made.commit({"upstreams.yaml": "nothing: of\n"})
    refused("main")
    assert list((tmp_path / "tmp").iterdir()) == []
    assert made.git("status", "--porcelain") == ""


def test_the_environment_and_files_beside_are_not_read(
    made: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_side("main", ENTRY).config
    (tmp_path / "key").write_text("a-secret-that-is-in-a-file-of-this-machine")
    monkeypatch.setenv("TUTOR_URL", "http://127.0.0.1:2")
    monkeypatch.setenv("JWT_SECRET", "a-secret-that-is-in-the-environment-here")
    after = read_side("main", ENTRY).config
    assert before.digest == after.digest
    assert str(after.upstreams["tutor"].endpoints[0].url).endswith(":1")
    text = entry().replace("include: ['policies/*.yaml']\n", AUTH.replace("${JWT_SECRET}", f"${{file:{tmp_path}/key}}"))
    (made.path / "upstreams.yaml").write_text(text)
    found = read_side("upstreams.yaml", ENTRY).config.policies["auth"]["token"]
    assert isinstance(found, Settings) and isinstance(found.secret, Secret)
    assert "of-this-machine" not in found.secret.reveal()
