"""What is sound in a schema, and hardly meant: constraints that check nothing, and ones that nothing can meet."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

_TYPES = frozenset(("array", "boolean", "integer", "null", "number", "object", "string"))
_OF_NUMBERS = frozenset(("number", "integer"))
_FOR = {
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), frozenset(("string",))),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _OF_NUMBERS),
    **dict.fromkeys(("items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems"), frozenset(("array",))),
    **dict.fromkeys(
        ("properties", "additionalProperties", "required", "minProperties", "maxProperties"), frozenset(("object",))
    ),
}
"""The types of values that a keyword checks; it takes all others as they are."""

_SLASHES = re.compile(r"/(?:\^.*/[a-z]*|.*/)", re.DOTALL).fullmatch
"""A pattern as it is written in JavaScript."""

_MOST_COMPARED = 500
"""Pairs of names, at up to 0.2 ms each."""

_LONGEST = 64
"""Characters of a name that is compared: the time grows with their square."""

_BOUNDS = (
    ("minLength", "maxLength"),
    ("minimum", "maximum"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)


def mistakes(schema: dict[str, object]) -> Iterator[tuple[str, str, str]]:
    """The keyword, a sentence and a hint for each in ``schema``, whose grammar may be wrong. Schemas below it are left out."""
    types = _types(schema)
    for keyword, checked in _FOR.items():
        if keyword in schema and types and checked.isdisjoint(types):
            yield keyword, f"checks nothing of {' or '.join(sorted(types))}", "look at type"
    for least, most in _BOUNDS:
        low, high = schema.get(least), schema.get(most)
        if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
            yield least, f"is more than {most}, so nothing passes", "swap them, or remove one"
    if schema.get("enum") == []:
        yield "enum", "is empty, so nothing passes", "list the values that may come"
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and _SLASHES(pattern):
        yield "pattern", "looks for the slashes around it too", "leave them out"
    yield from _misspelled(schema)


def _types(schema: dict[str, object]) -> frozenset[str]:
    """The types that ``schema`` names; empty where it names none, or one that there is not: that is a mistake of its own."""
    named = schema.get("type")
    types = frozenset([one for one in (named if isinstance(named, list) else [named]) if isinstance(one, str)])
    return types if types <= _TYPES else frozenset()


def _misspelled(schema: dict[str, object]) -> Iterator[tuple[str, str, str]]:
    """Of required fields that have no schema, when one of almost the same name has."""
    required, known = schema.get("required"), schema.get("properties")
    if not isinstance(required, list) or not isinstance(known, dict):
        return
    named = {name for name in required if isinstance(name, str) and len(name) <= _LONGEST}
    missing = [name for name in sorted(named) if name not in known]
    others = [name for name in known if name not in named and len(name) <= _LONGEST]
    if len(missing) * len(others) > _MOST_COMPARED:
        return
    for name in missing:
        close = difflib.get_close_matches(name, others, n=1, cutoff=0.8)
        if close:
            yield "required", "names a field that is not in properties", f"did you mean {close[0]}?"
