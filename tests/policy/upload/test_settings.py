"""Uploads as they are written: what makes no sense is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.policy.upload.settings import Settings


def settings(**part: object) -> Settings:
    return Settings.model_validate({"parts": {"audio": {"max": "1MB", **part}}})


def test_a_type_that_says_nothing_stands_beside_others() -> None:
    assert (
        settings(types=["application/octet-stream", "audio/webm"]).parts["audio"].types[0] == "application/octet-stream"
    )


def test_what_is_written() -> None:
    part = settings(types=["Audio/WebM", "audio/mp4"], required=True, **{"as": {"audio/x-m4a": "audio/mp4"}}).parts[
        "audio"
    ]
    assert (part.types, part.max, part.required, part.pattern) == (("audio/webm", "audio/mp4"), 1_000_000, True, None)
    assert part.as_ == {"audio/x-m4a": "audio/mp4"}


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ({"types": ["audio/webm;codecs=opus"]}, "is a type whose content the gateway cannot tell"),
        ({"types": ["audio/*"]}, "is a type whose content the gateway cannot tell"),
        ({"types": ["application/x-made-up"]}, "is a type whose content the gateway cannot tell"),
        (
            {"types": ["audio/webm"], "as": {"audio/x-m4a": "audio/mp4"}},
            "as leads to audio/mp4, which is not among types",
        ),
        ({"max": 16, "as": {"audio/x-m4a": "audio/mp4"}}, "as is for files"),
        ({"types": ["audio/mp4"], "as": {"audio/webm": "audio/mp4"}}, "which names another kind of file"),
        ({"types": ["audio/mp4"], "as": {"application/octet-stream": "audio/mp4"}}, "which names another kind of file"),
        ({"types": ["application/octet-stream"]}, "which says nothing"),
        ({"types": ["audio/webm"], "pattern": "x"}, "pattern is for texts"),
        ({"max": 0}, "max must be at least 1"),
        ({"max": "65KiB"}, "max of a text must be at most 64KiB"),
        ({"max": 16, "type": "audio/webm"}, "Extra inputs"),
    ],
)
def test_what_makes_no_sense(part: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        settings(**part)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("image/jpg2", "did you mean image/jpg or "),
        ("png", "did you mean image/png?"),
        ("Audio/WebM;codecs=opus", "write audio/webm: parameters do not count"),
        ("image/*", "write types in full, of image/apng, image/gif, image/jpeg, "),
        ("application/x-made-up", "write types in full, of application/ogg"),
        ("film", "write types in full, of application/ogg, audio/"),
    ],
)
def test_a_type_that_is_not_known_gets_the_nearest(written: str, hint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(types=[written])
    (error,) = caught.value.errors()
    assert error["ctx"]["error"].hint.startswith(hint)
    assert len(error["ctx"]["error"].hint) < 200 or written == "film"


@pytest.mark.parametrize("name", ["", "a b", "a;b", 'a"b', "a%22b", "é", "a" * 65, "-a"])
def test_names_of_parts_are_read_alike_by_everybody(name: str) -> None:
    with pytest.raises(ValidationError, match="is no name of a part"):
        Settings.model_validate({"parts": {name: {"max": 1}}})


def test_what_is_held_is_bounded() -> None:
    with pytest.raises(ValidationError, match="together must be at most 256KiB"):
        Settings.model_validate({"parts": {f"t{n}": {"max": "64KiB"} for n in range(5)}})
    with pytest.raises(ValidationError):
        Settings.model_validate({"parts": {f"t{n}": {"max": 1} for n in range(65)}})


@pytest.mark.parametrize("written", [{}, {"parts": {}}, {"parts": {"a": {"max": 1}}, "others": "pass"}])
def test_there_is_no_form_of_any_parts(written: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(written)
