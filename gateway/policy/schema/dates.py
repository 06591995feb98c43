"""Where a schema has dates: texts that superjson's ``meta`` may turn into a Date after the schema has judged them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from gateway.policy.schema.keywords import SAME_LIST, SAME_ONE, below, target
from gateway.policy.schema.validator import Validator, compiled

_FOR_SAME = frozenset((*SAME_LIST, *SAME_ONE)) - {"not", "if"}
_DATE_TIME = compiled({"type": "string", "format": "date-time"}).validator

_Schemas = Sequence[dict[str, object]]


def are_dates(schema: object, value: object, paths: Iterable[tuple[str, ...]]) -> bool:
    """Whether each of ``paths`` leads to a date-time in ``value``, and ``schema`` says that one may be there.

    Another alternative of the schema (``anyOf``) may have taken another text: of that JavaScript would make an invalid Date."""
    places = Places(schema)
    return all(places.has_date(path) and _DATE_TIME.is_valid(_found(value, path)) for path in paths)


def _found(value: object, path: Iterable[str]) -> object:
    """What ``path``, which leads somewhere, leads to."""
    for token in path:
        if isinstance(value, list):
            value = value[int(token)]
        elif isinstance(value, dict):
            value = value[token]
    return value


class Places:
    """What one schema says of the values at paths. A meta may have thousands, most of them beside each other: what is above
    them is looked for once, and so is what the same schemas come to."""

    __slots__ = ("_above", "_applied", "_root")

    def __init__(self, root: object) -> None:
        self._root = root
        self._applied: dict[tuple[int, ...], tuple[_Schemas, bool]] = {}
        self._above: dict[tuple[str, ...], _Schemas] = {(): self._for_same([root])[0]}

    def has_date(self, path: tuple[str, ...]) -> bool:
        """Whether the schema says ``format: date-time`` of the value at ``path``."""
        return self._at(path)[1] if path else self._for_same([self._root])[1]

    def _at(self, path: tuple[str, ...]) -> tuple[_Schemas, bool]:
        """The schemas for what is at ``path``, which is not empty, and whether one says that it is a date."""
        *names, last = path
        above = tuple(names)
        around = self._above.get(above)
        if around is None:
            around = self._above[above] = self._at(above)[0]
        return self._for_same([part for one in around for part in _parts(one, last)])

    def _for_same(self, schemas: Sequence[object]) -> tuple[_Schemas, bool]:
        """``schemas`` and those that they apply to the same value, each once, and whether one says that it is a date."""
        key = tuple(map(id, schemas))
        known = self._applied.get(key)
        if known is None:
            found = _for_same(schemas, self._root)
            known = self._applied[key] = (found, any(one.get("format") == "date-time" for one in found))
        return known


def _for_same(schemas: Iterable[object], root: object) -> _Schemas:
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


def _parts(schema: dict[str, object], token: str) -> list[object]:
    """The schemas for the member or the item ``token``."""
    named, patterns = schema.get("properties"), schema.get("patternProperties")
    found = [named[token]] if isinstance(named, dict) and token in named else []
    if isinstance(patterns, dict):
        found += [inner for pattern, inner in patterns.items() if _pattern(pattern).is_valid(token)]
    if not found and "additionalProperties" in schema:
        found.append(schema["additionalProperties"])
    if token.isascii() and token.isdecimal() and ("items" in schema or "prefixItems" in schema):
        first = schema.get("prefixItems")
        index = int(token)
        if isinstance(first, list) and index < len(first):
            found.append(first[index])
        elif "items" in schema:
            found.append(schema["items"])
    return found


@lru_cache(1_000)
def _pattern(pattern: str) -> Validator:
    return compiled({"pattern": pattern}).validator
