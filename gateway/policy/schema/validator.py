"""Compiled JSON Schemas (2020-12). The modules of this folder that import the package of it are this one, ``issues`` and
``compare``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jsonschema_rs import (
    Draft202012Validator,
    EmailOptions,
    FancyRegexOptions,
    RegexOptions,
    ValidationError,
)

from gateway.core.issue import Token

Validator = Draft202012Validator

BACKTRACKS = 10_000
"""Steps back that the search for one pattern may take: about 0.1 ms. A text that needs more is refused."""

LARGEST_PATTERN = 512 * 1024
"""Bytes of a compiled pattern: the time for a text is bounded by its length times the length of the pattern."""

_LINEAR = RegexOptions(size_limit=LARGEST_PATTERN, dfa_size_limit=4 * LARGEST_PATTERN)
_BACKTRACKING = FancyRegexOptions(
    backtrack_limit=BACKTRACKS, size_limit=LARGEST_PATTERN, dfa_size_limit=4 * LARGEST_PATTERN
)
_EMAIL = EmailOptions(require_tld=True, allow_domain_literal=False, allow_display_text=False)
_LANGUAGE = {"$ref": "https://json-schema.org/draft/2020-12/schema"}
_VALUES = frozenset(("const", "default", "enum", "examples"))
_FORMATS = ("date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid", "regex")
"""Those that somebody may misspell."""

STRICTER: Mapping[str, dict[str, object]] = {
    # the quoted names of RFC 5321, which no application takes
    "email": {"pattern": '^[^"]*$'},
    # what runs where somebody opens it
    "uri": {"not": {"pattern": "^([jJ][aA][vV][aA]|[vV][bB])[sS][cC][rR][iI][pP][tT]:"}},
}
"""What is refused beyond a format, by its name."""


class SchemaError(ValueError):
    """A schema that cannot be compiled. ``at`` leads to the value in it that is wrong."""

    def __init__(self, sentence: str, at: Sequence[Token], hint: str = "") -> None:
        super().__init__(sentence)
        self.at = at
        self.hint = hint


class Compiled(NamedTuple):
    """``backtracks``: one of its patterns is for an engine that goes back (look-around, back references)."""

    validator: Validator
    backtracks: bool


def compiled(schema: object) -> Compiled:
    """``schema`` compiled. Raises SchemaError. Nothing is fetched, formats are asserted, and unknown ones refused."""
    if not isinstance(schema, dict | bool):
        raise SchemaError("is no schema: that is an object, or true or false", ())
    try:
        return Compiled(_compiled(schema, _LINEAR), False)
    except ValidationError as error:
        if error.kind.name != "format" or error.kind.as_dict().get("format") != "regex":
            raise _wrong(error) from None
    except ValueError as error:
        raise SchemaError(f"cannot be compiled: {error}", ()) from None
    try:
        return Compiled(_compiled(schema, _BACKTRACKING), True)
    except ValidationError as error:
        raise _wrong(error) from None
    except ValueError as error:
        raise SchemaError(f"cannot be compiled: {error}", ()) from None


def mistakes_beside(first: SchemaError, schema: object) -> list[SchemaError]:
    """``first``, for which ``schema`` cannot be compiled, and whatever else in it is not as the language has it, each value once.
    What only compiling finds, such as a format that is not known, is found when it is the first."""
    judge = Draft202012Validator(_LANGUAGE, validate_formats=True, offline=True)
    found = [*map(_wrong, judge.iter_errors(schema)), first]
    return list({tuple(error.at): error for error in found}.values())


def _compiled(schema: dict[str, object] | bool, patterns: RegexOptions | FancyRegexOptions) -> Validator:
    stricter = _stricter(schema)
    assert isinstance(stricter, dict | bool)
    return Draft202012Validator(
        stricter,
        validate_formats=True,
        ignore_unknown_formats=False,
        mask="a value",
        pattern_options=patterns,
        email_options=_EMAIL,
        offline=True,
    )


def _stricter(schema: object) -> object:
    """``schema`` with what a format lets pass here and not elsewhere taken out of it. As schemas, and not as functions for the
    formats: those would be called from Rust for each text, ten thousand times for 64 KiB."""
    if isinstance(schema, list):
        return [_stricter(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    copied = {key: value if key in _VALUES else _stricter(value) for key, value in schema.items()}
    more = STRICTER.get(schema["format"]) if isinstance(schema.get("format"), str) else None
    if more is not None:
        above = copied.get("allOf", [])
        copied["allOf"] = [*above, more] if isinstance(above, list) else above
    return copied


def _wrong(error: ValidationError) -> SchemaError:
    """What is wrong with a schema, in a sentence about the schema."""
    at = tuple(error.instance_path)
    kind = error.kind.as_dict()
    match error.kind.name:
        case "format" if kind.get("format") == "regex":
            if _is_pattern(error.instance):
                hint = "write smaller repeats, and minLength and maxLength for the length of the text"
                return SchemaError("is too large when it is compiled: searches with it would take long", at, hint)
            return SchemaError(
                "is no regular expression",
                at,
                "write one of ECMA-262 with small repeats, and escape \\ as \\\\ in JSON",
            )
        case "" if at[-1:] == ("format",):
            close = difflib.get_close_matches(str(error.instance), _FORMATS, n=1)
            hint = f"did you mean {close[0]}?" if close else "leave it out, or write a pattern"
            return SchemaError("is a format that is not known here", at, hint)
        case "type":
            return SchemaError(f"must be {' or '.join(map(_with_article, kind['types']))}", at)
        case "minimum" | "exclusiveMinimum":
            return SchemaError(f"must be at least {kind['limit']}", at)
        case "enum":
            return SchemaError(f"must be one of {', '.join(map(str, kind['options']))}", at)
        case "minItems":
            return SchemaError("must not be empty", at)
        case "uniqueItems":
            return SchemaError("has an entry twice", at)
        case "anyOf" if at and at[-1] == "type":
            hint = "write array, boolean, integer, null, number, object or string, or a list of some"
            return SchemaError("is no type", at, hint)
    return SchemaError(f"is not as JSON Schema has it: {error.message}", at)


def _is_pattern(text: object) -> bool:
    """Whether ``text`` is a pattern that is only too large."""
    try:
        Draft202012Validator(
            {"pattern": text}, validate_formats=True, pattern_options=FancyRegexOptions(), offline=True
        )
    except ValueError:
        return False
    return True


def _with_article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
