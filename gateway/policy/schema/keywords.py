"""The keywords of JSON Schema 2020-12, and the schemas below them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from gateway.core.issue import Token
from gateway.policy.base.pointer import parse_pointer

Path = tuple[Token, ...]

# What each keyword holds: one schema, a list of them, or one by name. Those of the first group are for the same value, those of
# the others for items and for members of it.
SAME_ONE = ("not", "if", "then", "else")
SAME_LIST = ("allOf", "anyOf", "oneOf")
SAME_BY_NAME = ("dependentSchemas",)
ITEMS = ("items", "contains", "unevaluatedItems")
ITEMS_LIST = ("prefixItems",)
MEMBERS = ("additionalProperties", "unevaluatedProperties", "propertyNames")
MEMBERS_BY_NAME = ("properties", "patternProperties")
APART = ("$defs", "definitions")
"""Schemas that are only referred to."""

_ONE = frozenset((*SAME_ONE, *ITEMS, *MEMBERS))
_LIST = frozenset((*SAME_LIST, *ITEMS_LIST))
_BY_NAME = frozenset((*SAME_BY_NAME, *MEMBERS_BY_NAME, *APART))

ASSERTIONS = frozenset(
    [
        "type",
        "enum",
        "const",
        "multipleOf",
        "maximum",
        "exclusiveMaximum",
        "minimum",
        "exclusiveMinimum",
        "maxLength",
        "minLength",
        "pattern",
        "maxItems",
        "minItems",
        "uniqueItems",
        "maxContains",
        "minContains",
        "maxProperties",
        "minProperties",
        "required",
        "dependentRequired",
        "format",
    ]
)
ANNOTATIONS = frozenset(
    [
        "title",
        "description",
        "default",
        "deprecated",
        "readOnly",
        "writeOnly",
        "examples",
        "contentEncoding",
        "contentMediaType",
        "contentSchema",
        "$comment",
        "$schema",
        "$id",
        "$vocabulary",
    ]
)
REFERENCES = frozenset(("$ref",))
BY_ANCHOR = frozenset(("$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor"))
KNOWN = ASSERTIONS | ANNOTATIONS | REFERENCES | BY_ANCHOR | _ONE | _LIST | _BY_NAME


def below(schema: dict[str, object], keyword: str) -> Iterator[tuple[Path, object]]:
    """The schemas that ``keyword`` of ``schema`` holds, each with the way to it. What is no schema is left out."""
    value = schema.get(keyword)
    if keyword in _ONE and isinstance(value, dict | bool):
        yield (keyword,), value
    elif keyword in _LIST and isinstance(value, list):
        yield from (((keyword, index), each) for index, each in enumerate(value))
    elif keyword in _BY_NAME and isinstance(value, dict):
        yield from (((keyword, name), each) for name, each in value.items())


def subschemas(schema: object) -> Iterator[tuple[Path, dict[str, object]]]:
    """``schema`` and all schemas in it that are objects, each with the way to it."""
    pending: list[tuple[Path, object]] = [((), schema)]
    while pending:
        path, found = pending.pop()
        if isinstance(found, dict):
            yield path, found
            pending += [((*path, *more), inner) for keyword in found for more, inner in below(found, keyword)]


def target(root: object, reference: object) -> tuple[Path, object] | None:
    """Where ``#`` or ``#/a/b`` leads to in ``root``, and what is there; None for another reference, and for nothing."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return None
    tokens: list[Token] = []
    found = root
    written = unquote(reference[1:])  # first of all (RFC 6901 section 6): an escaped slash parts two tokens
    for token in parse_pointer(written) if written else ():
        if isinstance(found, dict) and token in found:
            tokens.append(token)
            found = found[token]
        elif isinstance(found, list) and token.isascii() and token.isdecimal() and int(token) < len(found):
            tokens.append(int(token))
            found = found[int(token)]
        else:
            return None
    return tuple(tokens), found
