"""The settings of a policy of schemas."""

import pytest
from pydantic import ValidationError

from gateway.policy.schema.settings import SchemaFiles, Settings


def test_what_is_written_and_what_is_not() -> None:
    settings = Settings.model_validate({"files": "inputs/*.json"})
    assert (settings.files, settings.max_depth, settings.mode) == (SchemaFiles("inputs/*.json"), 32, "enforce")


@pytest.mark.parametrize("files", ["", "inputs", "inputs/*.yaml", "inputs/**/*.json", 5, ["inputs/*.json"], None])
def test_files_are_a_pattern_of_json(files: object) -> None:
    with pytest.raises(ValidationError, match=r"names no files of JSON"):
        Settings.model_validate({"files": files})


@pytest.mark.parametrize("depth", [0, 65, True, "x"])
def test_the_depth_has_bounds(depth: object) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"files": "a.json", "max_depth": depth})


def test_the_contents_are_not_printed() -> None:
    assert "secret" not in repr(SchemaFiles("a.json", {"a": b"secret"}))
