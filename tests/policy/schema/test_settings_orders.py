"""Which of two policies of ``schemas`` admits more, as far as that can be told without comparing schemas."""

from __future__ import annotations

import pytest

from gateway.policy.base.order import compared
from gateway.policy.schema.settings import SchemaFiles, Settings
from tests.settings_compared import LOOSENS, TIGHTENS, Seen, seen


def of(max_depth: int = 32, **contents: bytes) -> Settings:
    return Settings(files=SchemaFiles("inputs/*.json", contents), max_depth=max_depth)


@pytest.mark.parametrize(
    ("strict", "loose", "setting"),
    [
        (of(), of(max_depth=33), "max_depth"),
        # what has no schema is refused, and a query without one is not looked at
        (of(), of(a=b"{}"), "files.a"),
        (of(**{"a.query": b"{}"}), of(), "files.a.query"),
    ],
)
def test_what_admits_more_loosens(strict: Settings, loose: Settings, setting: str) -> None:
    assert seen(list(compared(strict, loose))) == [(setting, LOOSENS)]
    assert seen(list(compared(loose, strict))) == [(setting, TIGHTENS)]


def test_another_schema_may_admit_more() -> None:
    one, other = of(a=b'{"const": 1}'), of(a=b'{"const": true}')
    assert seen(list(compared(one, other))) == seen(list(compared(other, one))) == [Seen("files.a", LOOSENS)]


def test_another_layout_is_no_change() -> None:
    assert list(compared(of(a=b'{"type": "object", "required": []}'), of(a=b'{"required":[],\n"type":"object"}'))) == []


def test_files_of_another_folder_with_the_same_schemas_are_no_change() -> None:
    moved = Settings(files=SchemaFiles("elsewhere/*.json", {"a": b"{}"}))
    assert list(compared(of(a=b"{}"), moved)) == []
