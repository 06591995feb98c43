"""Values around a good one: what a form, a careless app and a stranger would send in its place."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 5, 0.5, 1e21, 2**53 - 1, -(2**31) - 1,
    "", " ", "a", "ab", "ABC", "\n", "5", "true", "a@b.co", "Ada@Example.com ", "😀", "😀😀😀", "ü", "\ufeff", "2026-01-02",
    "javascript:x", "//x", "\u2028", "é-", [], ["x"], [None], [5, "x"], {}, {"x": 1}, {"a": "x"}, {"lastEventId": "7"},
)  # fmt: skip


def around(value: Any) -> Iterator[Any]:
    """``value`` itself, then copies of it that differ in one place each."""
    yield value
    for path in _paths(value):
        for odd in (*_ODD, *_near(_at(value, path))):
            yield _with(value, path, odd)
        if path and isinstance(path[-1], str):
            yield _without(value, path)


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from _paths(member, (*path, name))


def _near(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value, str(value).lower()]
    if isinstance(value, int | float):
        return [-value, value + 1, value - 1, value + 0.5, value * 10, value / 10, str(value)]
    if isinstance(value, str):
        lengths = [value[:length] for length in range(len(value))] if len(value) < 20 else [value[:-1], value[1:]]
        edges = [value + edge for edge in (" ", "\n", ".", "a", "é", "😀")] + [
            edge + value for edge in (" ", "\n", "é", "😀")
        ]
        return [
            *lengths,
            *edges,
            value.upper(),
            value.lower(),
            value * 2,
            value * 200,
            "😀" * len(value),
            "a" * len(value),
        ]
    if isinstance(value, list):
        return [value * 2, value[:-1], [*value, None], [*value, "x"], {"0": 1}]
    if isinstance(value, dict):
        return [{**value, name: odd} for name in ("more", "lastEventId", "5") for odd in (None, "x", 5, {})]
    return ["null"]


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _with(value: Any, path: tuple[str | int, ...], member: Any) -> Any:
    if not path:
        return member
    changed = copy.deepcopy(value)
    _at(changed, path[:-1])[path[-1]] = member
    return changed


def _without(value: Any, path: tuple[str | int, ...]) -> Any:
    changed = copy.deepcopy(value)
    del _at(changed, path[:-1])[path[-1]]
    return changed
