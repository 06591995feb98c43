"""Only the part ``ops``: the rest of the files may say what it likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.model import Ops
from gateway.config.ops_settings import load_ops

ENV = {"TOKEN": "t0k3n"}


def loaded(folder: Path, text: str) -> Ops | list[str]:
    (folder / "upstreams.yaml").write_text(text)
    found = load_ops(folder / "upstreams.yaml", ENV)
    return found if isinstance(found, Ops) else [f"{one.path}: {one.sentence}" for one in found]


@pytest.mark.parametrize(
    "rest",
    ["", "routes: 7\n", "state: {key: '${UNSET}'}\n", "a: 1\na: 2\n", "include: [gone/*.yaml]\n", "x: &a 1\ny: *a\n"],
)
def test_what_is_wrong_elsewhere_does_not_matter(tmp_path: Path, rest: str) -> None:
    found = loaded(tmp_path, rest + "ops: {host: 127.0.0.2, port: 99, token: '${TOKEN}'}\n")
    assert isinstance(found, Ops) and found.token is not None
    assert (found.host, found.port, found.token.reveal()) == ("127.0.0.2", 99, "t0k3n")


def test_without_the_part_it_has_its_defaults(tmp_path: Path) -> None:
    assert loaded(tmp_path, "routes: []") == loaded(tmp_path, "ops:") == loaded(tmp_path, "") == Ops()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ops: {port: nine}", "ops.port: must be a whole number"),
        ("ops: {token: '${UNSET}'}", "ops.token: needs the environment variable UNSET, which is not set"),
        ("ops: [", ": is not YAML"),
        ("ops: {pots: 1}", "ops.pots: is not a known key"),
        ("ops: 7", "ops: must be a mapping"),
    ],
)
def test_what_is_wrong_in_it_is_said(tmp_path: Path, text: str, problem: str) -> None:
    found = loaded(tmp_path, text)
    assert isinstance(found, list) and found[0].startswith(problem), found


def test_a_missing_file_and_one_that_is_no_text(tmp_path: Path) -> None:
    (missing,) = load_ops(tmp_path / "gone.yaml", {})  # type: ignore[misc]  # a list of problems
    assert missing.sentence == "cannot be read (No such file or directory)"
    (tmp_path / "upstreams.yaml").write_bytes(b"\xff\xfe")
    assert isinstance(load_ops(tmp_path / "upstreams.yaml", {}), list)
