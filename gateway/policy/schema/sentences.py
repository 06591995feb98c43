"""Errors of validation as issues: zod's codes for programs, sentences for users. Made of what the schema says alone.

What was sent is never in them, nor a name of a member that the client has chosen: an app shows them, and a log may hold them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from jsonschema_rs import ValidationError

from gateway.core.issue import Token
from gateway.policy.schema.document import follow
from gateway.policy.schema.keywords import SAME_LIST, SAME_ONE
from gateway.policy.schema.validator import STRICTER

MOST_OPTIONS = 12
"""Values of an enum that a sentence lists."""

LONGEST = 200
"""Characters of what is quoted from a schema in one issue."""

REQUIRED = "a value"
"""What is expected where nothing is: zod has no code of its own for a field that is missing."""

MESSAGE = "x-message"
"""The keyword of a schema that has the sentence to show in place of ours."""

_FORMATS = {
    "email": "Enter a valid email address.",
    "idn-email": "Enter a valid email address.",
    "uri": "Enter a valid web address.",
    "iri": "Enter a valid web address.",
    "date-time": "Enter a date with a time.",
    "date": "Enter a date, such as 2027-01-31.",
    "time": "Enter a time of day.",
    "uuid": "Is not a valid id.",
}
_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "empty",
    "number": "a number",
    "object": "a group of fields",
    "string": "a text",
}
_NAMES = frozenset(("additionalProperties", "unevaluatedProperties", "propertyNames"))
_BOUNDS = {
    "minimum": ("too_small", ">=", "at least"),
    "exclusiveMinimum": ("too_small", ">", "more than"),
    "maximum": ("too_big", "<=", "at most"),
    "exclusiveMaximum": ("too_big", "<", "less than"),
}
_WRITTEN = "Is not written as it should be."


class Described(NamedTuple):
    """One error in words. ``below`` leads from the place of the error to the value that it is about."""

    code: str
    expected: str
    message: str
    below: tuple[Token, ...] = ()


_UNKNOWN_NAME = Described("unrecognized_keys", "no other fields", "Has a field that is not known.")
_NEVER = Described("unrecognized_keys", "never", "Is not taken here.")
_OTHER = Described("custom", "", "Is not as it should be.")
_PATTERN = Described("invalid_format", "regex", _WRITTEN)
_UNION = Described("invalid_union", "", "Is not of a kind that is taken here.")
_TOO_MANY = Described("too_big", "", "Has too many entries.")
_FIXED = {
    "pattern": _PATTERN,
    "backtrackLimit": _PATTERN,
    "regexEngineFailure": _PATTERN,
    "uniqueItems": Described("custom", "different entries", "Must not have an entry twice."),
    "contains": Described("custom", "an entry of a kind", "An entry is missing, or there are too many of a kind."),
    "anyOf": _UNION,
    "oneOf": _UNION,
    "additionalProperties": _UNKNOWN_NAME,
    "unevaluatedProperties": _UNKNOWN_NAME,
    "propertyNames": Described("invalid_key", "", "Has a field of a name that is not taken here."),
    "additionalItems": _TOO_MANY,
    "unevaluatedItems": _TOO_MANY,
}


def described(error: ValidationError, schema: object) -> Described:
    """``error`` in words. ``schema`` is the whole schema that it comes from."""
    keyword = str(error.schema_path[-1]) if error.schema_path else ""
    parameters: Mapping[str, object] = error.kind.as_dict()
    found = _described(error.kind.name, keyword, parameters)
    own = _own_sentence(error, schema, found.below)
    return found._replace(message=own) if own else found


def _described(name: str, keyword: str, parameters: Mapping[str, object]) -> Described:
    if name == "falseSchema":
        return _UNKNOWN_NAME if keyword in _NAMES else _NEVER
    stricter = {name: parameters.get("schema", parameters.get("pattern"))}
    kind = next((kind for kind, more in STRICTER.items() if more == stricter), "")
    if kind:
        return _format(name, {"format": kind})
    if name in _FIXED:
        return _FIXED[name]
    describe = _BY_PARAMETERS.get(name)
    return describe(name, parameters) if describe is not None else _OTHER


def _type(_: str, parameters: Mapping[str, object]) -> Described:
    value = parameters.get("types")
    types = sorted((str(each) for each in value), key="null".__eq__) if isinstance(value, list) else []
    words = " or ".join(_TYPES.get(each, each) for each in types)
    return Described("invalid_type", " | ".join(types), f"Must be {words}.")


def _bound(name: str, parameters: Mapping[str, object]) -> Described:
    code, sign, than = _BOUNDS[name]
    limit = parameters.get("limit")
    return Described(code, f"{sign}{limit}", f"Must be {than} {limit}.")


def _step(_: str, parameters: Mapping[str, object]) -> Described:
    step = parameters.get("multiple_of")
    return Described("not_multiple_of", f"multiple of {step}", f"Must be a multiple of {step}.")


def _format(_: str, parameters: Mapping[str, object]) -> Described:
    kind = str(parameters.get("format"))
    return Described("invalid_format", kind, _FORMATS.get(kind, _WRITTEN))


def _size(name: str, parameters: Mapping[str, object]) -> Described:
    limit = parameters.get("limit")
    least = name.startswith("min")
    code, sign, than = ("too_small", ">=", "at least") if least else ("too_big", "<=", "at most")
    if name.endswith("Length"):
        if least and limit == 1:
            return Described(code, ">=1", "Must not be empty.")
        return Described(code, f"{sign}{limit}", f"Must be {than} {_counted(limit, 'character')} long.")
    unit = "entry" if name.endswith("Items") else "field"
    return Described(code, f"{sign}{limit}", f"Must have {than} {_counted(limit, unit)}.")


def _counted(number: object, unit: str) -> str:
    plural = "entries" if unit == "entry" else f"{unit}s"
    return f"{number} {unit if number == 1 else plural}"


def _choice(_: str, parameters: Mapping[str, object]) -> Described:
    options = parameters.get("options", [parameters.get("expected_value")])
    values = options if isinstance(options, list) else []
    shown = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values]
    expected = " | ".join(shown)
    if len(values) > MOST_OPTIONS or len(expected) > LONGEST:
        return Described("invalid_value", "one of the values of the schema", "Is none of the values to choose from.")
    sentence = f"Must be {shown[0]}." if len(shown) == 1 else f"Must be one of: {', '.join(shown)}."
    return Described("invalid_value", expected, sentence)


def _required(_: str, parameters: Mapping[str, object]) -> Described:
    return Described("invalid_type", REQUIRED, "This is required.", (str(parameters.get("property")),))


_SIZES = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_BY_PARAMETERS: Mapping[str, Callable[[str, Mapping[str, object]], Described]] = {
    "type": _type,
    "required": _required,
    "multipleOf": _step,
    "format": _format,
    "enum": _choice,
    "const": _choice,
    **dict.fromkeys(_SIZES, _size),
    **dict.fromkeys(_BOUNDS, _bound),
}


def _own_sentence(error: ValidationError, schema: object, below: tuple[Token, ...]) -> str:
    """What the schema that refuses has to say itself: its nearest ``x-message``, empty for none."""
    for owner in _owners(tuple(error.schema_path), below, schema):
        sentence = owner.get(MESSAGE)
        if isinstance(sentence, str) and sentence:
            return sentence[:LONGEST]
    return ""


def _owners(path: tuple[Token, ...], below: tuple[Token, ...], schema: object) -> Iterator[Mapping[str, object]]:
    if below:
        inner = follow(schema, (*path[:-1], "properties", *below))
        if isinstance(inner, dict):
            yield inner
        return
    end = len(path) - 1
    while True:
        owner = follow(schema, path[:end])
        if isinstance(owner, dict):
            yield owner
        if end >= 1 and path[end - 1] in SAME_ONE:
            end -= 1
        elif end >= 2 and path[end - 2] in SAME_LIST:
            end -= 2
        else:
            return
