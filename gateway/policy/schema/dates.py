"""Where a schema has dates: texts that superjson's ``meta`` may turn into a Date after the schema has judged them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from gateway.policy.schema.keywords import SAME_LIST, SAME_ONE, below, target
from gateway.policy.schema.validator import Validator, compiled

_FOR_SAME = frozenset((*SAME_LIST, *SAME_ONE)) - {"not", "if"}
_BY_NAME = frozenset(("properties", "patternProperties", "prefixItems"))
_DATE_TIME = compiled({"type": "string", "format": "date-time"}).validator


MOST_KEPT = 4_096
"""Steps and positions of one schema that are kept from one request to the next."""

LONGEST_KEPT = 64
"""Characters of a name whose step is kept: requests may bring any names, of any length."""


def are_dates(positions: Positions, value: object, paths: Iterable[tuple[str, ...]]) -> bool:
    """Whether each of ``paths`` leads to a date-time in ``value``, and the schema of ``positions`` says that one may be there.

    Another alternative of the schema (``anyOf``) may have taken another text: of that JavaScript would make an invalid Date."""
    positions.trim()
    return all(positions.has_date(path) and _DATE_TIME.is_valid(_found(value, path)) for path in paths)


def _found(value: object, path: Iterable[str]) -> object:
    """What ``path``, which leads somewhere, leads to."""
    for token in path:
        if isinstance(value, list):
            value = value[int(token)]
        elif isinstance(value, dict):
            value = value[token]
    return value


class _Position(NamedTuple):
    """The schemas for the values at some paths, and whether one of them says ``format: date-time``. ``by_name``: what they say of
    a member or an item depends on its name or index, and not only on which of both it is."""

    schemas: Sequence[dict[str, object]]
    is_date: bool
    by_name: bool


class Positions:
    """What one schema says of the values at paths. A meta may have a thousand, most of them beside each other, and most requests
    have the same, so each step is looked for once."""

    __slots__ = ("_first", "_positions", "_root", "_steps")

    def __init__(self, root: object) -> None:
        self._root = root
        self._positions: dict[tuple[int, ...], _Position] = {}
        self._steps: dict[tuple[int, str | bool], _Position] = {}  # by the id of a position that is kept
        self._first = self._for_same([root])

    def trim(self) -> None:
        """Forget all steps where they are too many to be kept."""
        if len(self._steps) + len(self._positions) > MOST_KEPT:
            self._steps.clear()
            self._positions.clear()
            self._first = self._for_same([self._root])

    def has_date(self, path: Iterable[str]) -> bool:
        """Whether the schema says ``format: date-time`` of the value at ``path``."""
        position = self._first
        for token in path:
            step = (id(position), token if position.by_name else _is_index(token))
            known = self._steps.get(step)
            if known is None:
                parts = [part for one in position.schemas for part in _parts(one, token)]
                known = self._for_same(parts)
                if len(token) <= LONGEST_KEPT:
                    self._steps[step] = known
            position = known
        return position.is_date

    def _for_same(self, schemas: Sequence[object]) -> _Position:
        """Of ``schemas`` and those that they apply to the same value, each once."""
        key = tuple(map(id, schemas))
        known = self._positions.get(key)
        if known is None:
            found = _for_same(schemas, self._root)
            is_date = any(one.get("format") == "date-time" for one in found)
            known = self._positions[key] = _Position(found, is_date, any(not _BY_NAME.isdisjoint(one) for one in found))
        return known


def _for_same(schemas: Iterable[object], root: object) -> Sequence[dict[str, object]]:
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
    if _is_index(token) and ("items" in schema or "prefixItems" in schema):
        first = schema.get("prefixItems")
        index = int(token)
        if isinstance(first, list) and index < len(first):
            found.append(first[index])
        elif "items" in schema:
            found.append(schema["items"])
    return found


def _is_index(token: str) -> bool:
    return token.isascii() and token.isdecimal()


@lru_cache(1_000)
def _pattern(pattern: str) -> Validator:
    return compiled({"pattern": pattern}).validator
