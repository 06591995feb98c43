"""Where a schema has dates: texts that superjson's ``meta`` may turn into a Date after the schema has judged them."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.policy.schema.keywords import SAME_LIST, SAME_ONE, below, target

_FOR_SAME = frozenset((*SAME_LIST, *SAME_ONE)) - {"not", "if"}


def is_date(schema: object, path: Iterable[str]) -> bool:
    """Whether ``schema`` says ``format: date-time`` of the text at ``path``."""
    found = _for_same([schema], schema)
    for token in path:
        parts = [part for one in found for part in _parts(one, token)]
        found = _for_same(parts, schema)
    return any(one.get("format") == "date-time" for one in found)


def _for_same(schemas: Iterable[object], root: object) -> list[dict[str, object]]:
    """``schemas`` and those that they apply to the same value, each once."""
    found: dict[int, dict[str, object]] = {}
    pending = list(schemas)
    while pending:
        schema = pending.pop()
        if not isinstance(schema, dict) or id(schema) in found:
            continue
        found[id(schema)] = schema
        for keyword in _FOR_SAME.intersection(schema):
            pending += [inner for _, inner in below(schema, keyword)]
        if "$ref" in schema:
            referred = target(root, schema["$ref"])
            pending += [referred[1]] if referred is not None else []
    return list(found.values())


def _parts(schema: dict[str, object], token: str) -> Iterable[object]:
    """The schemas for the member or the item ``token``."""
    named = schema.get("properties")
    if isinstance(named, dict) and token in named:
        yield named[token]
    elif isinstance(schema.get("additionalProperties"), dict):
        yield schema["additionalProperties"]
    if token.isascii() and token.isdecimal():
        first = [inner for _, inner in below(schema, "prefixItems")]
        if int(token) < len(first):
            yield first[int(token)]
        else:
            yield from (inner for _, inner in below(schema, "items"))
