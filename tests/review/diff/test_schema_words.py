"""What a schema no longer asks, in words: of one field that becomes any text, and of whatever else differs."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.review.diff.schema_words import ABSENT, Differing, loosened


def of_name(**field: Any) -> dict[str, Any]:
    return {"properties": {"name": field}}


@pytest.mark.parametrize(
    ("field", "before", "sentence"),
    [
        (
            {"type": "string", "maxLength": 40},
            ("pattern", "^a$"),
            "Any text of at most 40 characters may now be sent as `name`; before, it had to match `^a$`.",
        ),
        (
            {"type": "string"},
            ("enum", ["a", "b"]),
            "Any text may now be sent as `name`; before, it had to be one of `a` and `b`.",
        ),
        (
            {"type": "string"},
            ("format", "email"),
            "Any text may now be sent as `name`; before, it had to have the format `email`.",
        ),
    ],
)
def test_a_field_that_may_be_any_text(field: dict[str, Any], before: tuple[str, Any], sentence: str) -> None:
    keyword, value = before
    assert loosened([Differing(("properties", "name", keyword), value, ABSENT)], of_name(**field)) == sentence


def test_a_field_that_still_has_another_bound_is_not_called_any_text() -> None:
    field = of_name(type="string", enum=["a", "b"])
    found = loosened([Differing(("properties", "name", "pattern"), "^a$", ABSENT)], field)
    assert found == "Inputs may now be sent that the schema refused: of `name` it no longer asks to match `^a$`."


def test_several_differences_are_named_and_the_rest_counted() -> None:
    found = loosened(
        [
            Differing(("required",), ["a", "b"], ["a"]),
            Differing(("properties", "list", "items", "properties", "n", "maximum"), 3, 10),
            Differing(("additionalProperties",), False, ABSENT),
            Differing(("x",), 1, 2),
        ],
        {},
    )
    assert found == (
        "Inputs may now be sent that the schema refused: it asks the fields `a` in place of the fields `a` and `b`;"
        " of `list[].n` it asks at most 10 in place of at most 3; it no longer asks other fields: `false`;"
        " and 1 more differences."
    )


def test_what_the_files_say_stays_between_backticks() -> None:
    found = loosened([Differing(("properties", "a`b", "pattern"), "`x`" * 100, ABSENT)], {})
    assert found.count("`") == 4 and len(found) < 300
