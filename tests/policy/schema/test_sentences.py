"""Errors of validation in words: zod's codes, sentences for users, and nothing of what was sent."""

import json

import pytest

from gateway.policy.schema.sentences import Described, described
from gateway.policy.schema.validator import compiled

SENT = "hush-hush"


def first(schema: object, value: object) -> Described:
    error = next(iter(compiled(schema).validator.iter_errors(value)))
    return described(error, schema)


@pytest.mark.parametrize(
    ("schema", "value", "code", "expected", "message"),
    [
        ({"type": "string"}, 5, "invalid_type", "string", "Must be a text."),
        ({"type": ["integer", "null"]}, SENT, "invalid_type", "integer | null", "Must be a whole number or empty."),
        ({"required": ["a"]}, {}, "invalid_type", "a value", "This is required."),
        ({"dependentRequired": {"a": ["b"]}}, {"a": SENT}, "invalid_type", "a value", "This is required."),
        ({"minLength": 8}, "hush", "too_small", ">=8", "Must be at least 8 characters long."),
        ({"minLength": 1}, "", "too_small", ">=1", "Must not be empty."),
        ({"maxLength": 1}, SENT, "too_big", "<=1", "Must be at most 1 character long."),
        ({"minItems": 1}, [], "too_small", ">=1", "Must have at least 1 entry."),
        ({"maxItems": 2}, [SENT] * 3, "too_big", "<=2", "Must have at most 2 entries."),
        ({"minProperties": 1}, {}, "too_small", ">=1", "Must have at least 1 field."),
        ({"maxProperties": 0}, {SENT: 1}, "too_big", "<=0", "Must have at most 0 fields."),
        ({"minimum": 5}, 1, "too_small", ">=5", "Must be at least 5."),
        ({"maximum": 5}, 9, "too_big", "<=5", "Must be at most 5."),
        ({"exclusiveMinimum": 5}, 5, "too_small", ">5", "Must be more than 5."),
        ({"exclusiveMaximum": 5}, 5, "too_big", "<5", "Must be less than 5."),
        ({"multipleOf": 5}, 7, "not_multiple_of", "multiple of 5", "Must be a multiple of 5."),
        ({"format": "email"}, SENT, "invalid_format", "email", "Enter a valid email address."),
        ({"format": "uri"}, "javascript:" + SENT, "invalid_format", "uri", "Enter a valid web address."),
        ({"format": "ipv4"}, SENT, "invalid_format", "ipv4", "Is not written as it should be."),
        ({"pattern": "^[0-9]$"}, SENT, "invalid_format", "regex", "Is not written as it should be."),
        ({"enum": ["a", "b"]}, SENT, "invalid_value", "a | b", "Must be one of: a, b."),
        ({"const": True}, SENT, "invalid_value", "true", "Must be true."),
        ({"const": "DELETE"}, SENT, "invalid_value", "DELETE", "Must be DELETE."),
        ({"uniqueItems": True}, [SENT, SENT], "custom", "different entries", "Must not have an entry twice."),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            {SENT: 1},
            "unrecognized_keys",
            "no other fields",
            "Has a field that is not known.",
        ),
        (
            {"additionalProperties": False},
            {SENT: 1},
            "unrecognized_keys",
            "no other fields",
            "Has a field that is not known.",
        ),
        (
            {"unevaluatedProperties": False},
            {SENT: 1},
            "unrecognized_keys",
            "no other fields",
            "Has a field that is not known.",
        ),
        (
            {"propertyNames": {"pattern": "^a$"}},
            {SENT: 1},
            "invalid_key",
            "",
            "Has a field of a name that is not taken here.",
        ),
        ({"properties": {"a": False}}, {"a": SENT}, "unrecognized_keys", "never", "Is not taken here."),
        ({"not": {"type": "string"}}, SENT, "custom", "", "Is not as it should be."),
        (
            {"contains": {"const": 1}},
            [SENT],
            "custom",
            "an entry of a kind",
            "An entry is missing, or there are too many of a kind.",
        ),
        (
            {"oneOf": [{"type": "string"}, {"minLength": 1}]},
            SENT,
            "invalid_union",
            "",
            "Is not of a kind that is taken here.",
        ),
    ],
)
def test_an_error_in_words(schema: object, value: object, code: str, expected: str, message: str) -> None:
    found = first(schema, value)
    assert found[:3] == (code, expected, message)
    assert SENT not in json.dumps(found)


def test_many_choices_are_not_listed() -> None:
    found = first({"enum": [str(index) for index in range(1000)]}, SENT)
    assert found.message == "Is none of the values to choose from."
    assert len(found.expected) < 100


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"properties": {"a": {"minLength": 3, "x-message": "Zu kurz."}}}, {"a": ""}),
        ({"properties": {"a": {"x-message": "Zu kurz."}}, "required": ["a"]}, {}),
        (
            {"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"minLength": 3, "x-message": "Zu kurz."}}},
            {"a": ""},
        ),
        ({"x-message": "Zu kurz.", "minLength": 3}, ""),
        ({"x-message": "Zu kurz.", "allOf": [{"minLength": 3}]}, ""),
        ({"x-message": "Zu kurz.", "type": "object"}, []),
    ],
)
def test_a_schema_may_bring_its_own_sentence(schema: object, value: object) -> None:
    assert first(schema, value).message == "Zu kurz."


@pytest.mark.parametrize("own", ["", 5, None, ["x"]])
def test_a_sentence_is_a_text(own: object) -> None:
    assert first({"minLength": 3, "x-message": own}, "").message == "Must be at least 3 characters long."
