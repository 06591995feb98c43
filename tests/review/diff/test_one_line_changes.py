"""One change of a line of the shipped files for each setting of the language, and what the diff says of it.

Changes that do not meet are made together, so that as few sides as possible are read: the diff has to say of all of them what it
says of each.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from gateway.config.by_reference import ByReference
from gateway.config.load import load
from gateway.config.model import Config
from gateway.policy.kinds import SECTIONS
from gateway.review.diff.change import Change
from gateway.review.diff.diff import differences
from tests.floors.sources import ROOT

FEW = 3
"""Routes that are named; of more it is said how many."""


class Row(NamedTuple):
    """One change: the text ``before`` of ``file``, which is there once, becomes ``after``."""

    file: str
    before: str
    after: str
    expect: tuple[str, ...]

    @property
    def subjects(self) -> set[str]:
        """The policies, upstreams, routes and parts that it is about."""
        return {_subject(line.split()[1].split(".")) for line in self.expect}

    @property
    def of_routes(self) -> bool:
        """Whether it changes what other changes are of."""
        return any(subject.startswith(("routes", "defaults")) for subject in self.subjects)


def _subject(keys: list[str]) -> str:
    named = {"breaker": "breakers", "fallback": "fallbacks"}.get(keys[2]) if len(keys) > 2 else None
    return named or (keys[0] if keys[0] in ("breakers", "fallbacks") else ".".join(keys[:2]))


ROWS = [
    Row(row["file"], row["from"], row["to"], tuple(row["expect"]))
    for row in yaml.safe_load((Path(__file__).parent / "one_line_changes.yaml").read_text())
]


def read() -> Config:
    config = load(Path("upstreams.yaml"), {}, stand_ins=ByReference())
    assert isinstance(config, Config), "\n".join(map(str, config))
    return config


def line(change: Change) -> str:
    named = " ".join(change.routes) if len(change.routes) <= FEW else f"{len(change.routes)} routes"
    return f"{change.effect} {change.setting}{f' on {named}' if named else ''}"


def groups() -> Iterator[list[Row]]:
    """The rows in groups that do not meet, neither in the text nor in what they are about."""
    left = ROWS
    while left:
        group: list[Row] = []
        texts = {row.file: (ROOT / row.file).read_text() for row in left}
        for row in left:
            meets = any(row.subjects & other.subjects or row.of_routes is not other.of_routes for other in group)
            if not meets and texts[row.file].count(row.before) == 1:
                group.append(row)
                texts[row.file] = texts[row.file].replace(row.before, row.after)
        assert group, f"{left[0].before!r} is not there once"
        yield group
        left = [row for row in left if row not in group]


GROUPS = [*groups()]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shipped files."""
    folder = tmp_path_factory.mktemp("shipped")
    shutil.copytree(ROOT / "policies", folder / "policies")
    shutil.copy(ROOT / "upstreams.yaml", folder)
    return folder


@pytest.fixture(scope="module")
def base(shipped: Path) -> Config:
    with contextlib.chdir(shipped):
        return read()


@contextlib.contextmanager
def changed(folder: Path, group: list[Row]) -> Iterator[None]:
    """The files of ``folder`` with the changes of ``group`` made."""
    written: Mapping[Path, str] = {folder / row.file: (folder / row.file).read_text() for row in group}
    try:
        for row in group:
            path = folder / row.file
            path.write_text(path.read_text().replace(row.before, row.after))
        yield
    finally:
        for path, text in written.items():
            path.write_text(text)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group[0].after.strip()[:40])
def test_what_is_said_of_each_change(shipped: Path, base: Config, group: list[Row]) -> None:
    with contextlib.chdir(shipped), changed(shipped, group):
        found = differences(base, read(), witnesses=False)
    assert sorted(map(line, found)) == sorted(expected for row in group for expected in row.expect)


def test_there_are_changes_of_every_kind() -> None:
    files = {row.file for row in ROWS}
    assert {f"policies/{section}.yaml" for section in SECTIONS} | {"upstreams.yaml"} <= files
    assert len(ROWS) >= 90
    assert {expected.split()[0] for row in ROWS for expected in row.expect} == {"loosens", "tightens", "changes"}
