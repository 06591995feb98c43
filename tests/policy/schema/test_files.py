"""The files of a policy: which are read, and what is wrong with them."""

import json
import os
from pathlib import Path

import pytest

from gateway.config.file_bytes import read_bytes
from gateway.policy.base.file_flaw import FileFlaw
from gateway.policy.schema.files import LARGEST, MOST_FILES, read_files
from gateway.policy.schema.lint import MOST_SHOWN
from gateway.policy.schema.settings import Settings
from tests.processor_time import takes_at_most


def found(folder: Path, pattern: str = "inputs/*.json") -> tuple[dict[str, bytes], list[FileFlaw]]:
    settings, flaws = read_files(Settings.model_validate({"files": pattern}), folder, read_bytes)
    return dict(settings.files.contents), flaws


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    (tmp_path / "inputs").mkdir()
    return tmp_path / "inputs"


def test_each_file_has_the_name_that_it_is_for(inputs: Path) -> None:
    (inputs / "auth.login.json").write_text("{}")
    (inputs / "hook.query.json").write_text("true")
    (inputs / "notes.txt").write_text("")
    (inputs / "folder.json").mkdir()
    assert found(inputs.parent) == ({"auth.login": b"{}", "hook.query": b"true"}, [])


def test_a_pattern_without_a_file_is_a_mistake(inputs: Path) -> None:
    contents, flaws = found(inputs.parent)
    assert contents == {}
    assert [flaw.sentence for flaw in flaws] == ["matches no file"]


def test_a_mistake_has_its_line(inputs: Path) -> None:
    (inputs / "a.json").write_text('{\n  "type": "strin"\n}')
    (inputs / "b.json").write_text('{"a": 1,\n "a": 2}')
    _, flaws = found(inputs.parent)
    assert [flaw[:4] for flaw in flaws] == [
        (str(inputs / "a.json"), 2, 3, "type: is no type"),
        (str(inputs / "b.json"), 2, 2, "has a twice in one object"),
    ]


def test_all_mistakes_of_a_file_are_named_together(inputs: Path) -> None:
    (inputs / "a.json").write_text(
        '{"type": "objekt",\n "required": "email",\n "properties": {"email":\n'
        ' {"pattern": "[a-z",\n "minLength": -1,\n "maxLength": "3"},\n "c": "string"}}'
    )
    _, flaws = found(inputs.parent)
    assert sorted((flaw.line, flaw.sentence) for flaw in flaws) == [
        (1, "type: is no type"),
        (2, "required: must be an array"),
        (4, "pattern: is no regular expression"),
        (5, "minLength: must be at least 0"),
        (6, "maxLength: must be an integer"),
        (7, "c: must be a boolean or an object"),
    ]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {f"a{index}": {"nullable": True, "example": ""} for index in range(1_500)}},
        {f"name{index}": 1 for index in range(6_000)},
        {"properties": {f"a{index}": {"enum": []} for index in range(3_000)}},
        {"properties": {f"a{index}": {"$ref": "b"} for index in range(3_000)}},
        {"properties": {f"a{index}": {"minLength": -1} for index in range(3_000)}},
    ],
    ids=("nullable", "names", "enum", "$ref", "minLength"),
)
def test_a_file_of_many_mistakes_is_read_in_time(inputs: Path, schema: object) -> None:
    """The file would be read from its beginning on for each of them."""
    (inputs / "a.json").write_text(json.dumps(schema))
    assert takes_at_most(1, lambda: found(inputs.parent))
    assert len(found(inputs.parent)[1]) in (MOST_SHOWN, 2 * MOST_SHOWN)


def test_files_are_bounded(inputs: Path) -> None:
    (inputs / "a.json").write_bytes(b" " * (LARGEST + 1))
    assert [flaw.sentence for flaw in found(inputs.parent)[1]] == ["is larger than 256 KiB"]
    for index in range(MOST_FILES):
        (inputs / f"{index}.json").write_bytes(b"{}")
    contents, flaws = found(inputs.parent)
    assert contents == {}
    assert [flaw.sentence for flaw in flaws] == [f"matches {MOST_FILES + 1} files, and may match at most {MOST_FILES}"]


def test_a_pipe_is_no_file(inputs: Path) -> None:
    os.mkfifo(inputs / "a.json")
    assert [flaw.sentence for flaw in found(inputs.parent)[1]] == ["is no file"]


def test_a_link_to_nothing_cannot_be_read(inputs: Path) -> None:
    (inputs / "a.json").symlink_to("gone.json")
    assert [flaw.sentence for flaw in found(inputs.parent)[1]] == ["cannot be read (No such file or directory)"]


def test_a_name_is_taken_once(inputs: Path) -> None:
    for folder in ("x", "y"):
        (inputs / folder).mkdir()
        (inputs / folder / "a.json").write_text("{}")
    assert [flaw.sentence for flaw in found(inputs, "*/a.json")[1]] == ["is a second file of the name a"]
