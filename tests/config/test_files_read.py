"""What a load has read: every file with its content, what was missing, and the names that its patterns matched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.config.files_read import FILE, NAMES, FilesRead, digest_of, digest_of_file, digest_of_names
from gateway.config.load import load
from gateway.config.model import Config
from tests.certificate_files import issue

ENTRY = """\
version: 1
include: [policies/*.yaml]
listen: {tls: {cert: cert.pem, key: key.pem}}
ops: {token: "${file:secrets/token}"}
upstreams: {tutor: {endpoints: [{url: "http://127.0.0.1:1"}], trpc: {prefix: /api/trpc}}}
routes: [{name: login, procedures: [auth.login], upstream: tutor, auth: public, body: json, schema: inputs}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("policies", "policies/inputs", "secrets"):
        (tmp_path / name).mkdir()
    (tmp_path / "upstreams.yaml").write_text(ENTRY)
    (tmp_path / "policies" / "all.yaml").write_text(
        "bodies: {json: {max: 64KiB, types: [application/json]}}\nschemas: {inputs: {files: inputs/*.json}}\n"
    )
    (tmp_path / "policies" / "inputs" / "auth.login.json").write_text("true")
    (tmp_path / "secrets" / "token").write_text("uG7qZ1xV0pTnB4cYwK9hRr2sLd8fMe6a\n")
    issue(tmp_path, "first")
    return tmp_path


def test_every_file_that_decides_is_there_with_its_content_and_every_folder_that_a_new_one_may_come_into(
    folder: Path,
) -> None:
    reads = FilesRead()
    loaded = load(folder / "upstreams.yaml", {}, reads=reads)
    assert isinstance(loaded, Config), loaded
    files = {
        os.path.relpath(path, folder): digest for (kind, path, _), digest in reads.contents.items() if kind == FILE
    }
    names = {"upstreams.yaml", "policies/all.yaml", "policies/inputs/auth.login.json", "secrets/token"}
    assert files.keys() == names | {"cert.pem", "key.pem"}
    assert all(files[name] == digest_of((folder / name).read_bytes()) for name in files)
    patterns = {(os.path.relpath(path, folder), pattern) for kind, path, pattern in reads.contents if kind == NAMES}
    assert patterns == {(".", "policies/*.yaml"), ("policies/inputs", "*")}


def test_what_is_missing_or_wrong_was_read_too_so_that_its_coming_is_a_change(folder: Path) -> None:
    (folder / "secrets" / "token").unlink()
    (folder / "policies" / "inputs" / "auth.login.json").write_text("{")
    reads = FilesRead()
    assert isinstance(load(folder / "upstreams.yaml", {}, reads=reads), list)
    assert reads.contents[FILE, str(folder / "secrets" / "token"), ""] is None
    assert reads.contents[FILE, str(folder / "policies" / "inputs" / "auth.login.json"), ""] == digest_of(b"{")
    (folder / "policies" / "inputs" / "auth.login.json").unlink()
    reads = FilesRead()
    load(folder / "upstreams.yaml", {}, reads=reads)
    assert (NAMES, str(folder / "policies"), "*") in reads.contents, "the folder of a pattern that matches nothing yet"


def test_a_file_counts_as_far_as_it_is_read_and_a_pipe_not_a_second_time(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 10)
    assert digest_of_file(str(file), 4) == digest_of(b"x" * 5)
    os.mkfifo(tmp_path / "pipe")
    assert digest_of_file(str(tmp_path / "pipe"), 4) is None
    assert digest_of_file(str(tmp_path / "gone"), 4) is None


def test_names_that_come_go_or_change_are_another_match_and_others_are_not(tmp_path: Path) -> None:
    def names() -> bytes:
        return digest_of_names(tmp_path, "sub/*.yaml")

    nothing = names()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").touch()
    assert names() == nothing
    (tmp_path / "sub" / "a.yaml").touch()
    one = names()
    (tmp_path / "sub" / "a.yaml").rename(tmp_path / "sub" / "b.yaml")
    assert len({nothing, one, names()}) == 3
