"""An input in superjson's wrapping, read as superjson 2 hands it to the procedure, or refused.

``meta`` changes the value after it was parsed: it can remove a member, make another type of it, or replace one member by
another. What real clients send of it is applied here too; the rest is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NO_JSON: Final = object()
"""Stands for a value that is no JSON, such as a Date."""

# What is in ``json`` for each annotation that only turns one text into a value of another type.
_OF_TEXT = frozenset(("Date", "bigint", "number", "URL"))
_UNDEFINED = "undefined"


def deserialize(payload: object) -> object:
    """The value in ``payload``, None where it is undefined or null. What ``meta`` makes of texts is ``NO_JSON``; a member
    that it makes undefined is left out. The payload itself is changed. Raises ValueError, whose sentence quotes nothing.

    Refused: members beside ``json`` and ``meta``; ``referentialEqualities``; maps, sets, classes and all else that needs
    more than one text; and paths that do not lead to a value of the right kind by their plain spelling.
    """
    if not isinstance(payload, dict):
        raise ValueError("an input needs an object with json in it")
    if not payload.keys() <= {"json", "meta"}:
        raise ValueError("an input has a member beside json and meta")
    value: object = payload.get("json")
    meta = payload.get("meta")
    if meta is None:
        return value
    if not isinstance(meta, dict) or not meta.keys() <= {"values", "v"}:
        raise ValueError("the meta of an input has more than values")
    if meta.get("v", 0) not in (0, 1) or isinstance(meta.get("v", 0), bool):
        raise ValueError("the meta of an input is of another version")
    values = meta.get("values", {})
    if isinstance(values, list):
        return _converted(value, values)
    if not isinstance(values, dict):
        raise ValueError("the meta of an input is malformed")
    _annotate(value, values)
    return value


def _annotate(value: object, annotations: Mapping[str, object]) -> None:
    for path, annotation in annotations.items():
        if "\\" in path:
            raise ValueError("the meta of an input has an escape in a path")  # versions of superjson differ on it
        *above, last = path.split(".")
        parent = value
        for name in above:
            parent = _at(parent, name)
        found = _converted(_at(parent, last), annotation)
        if isinstance(parent, list):
            parent[int(last)] = found
        elif isinstance(parent, dict):
            if found is None:
                del parent[last]
            else:
                parent[last] = found


def _at(parent: object, name: str) -> object:
    """The member or item of ``parent``. A list has one spelling of an index here: JavaScript reads "" and "00" as 0."""
    if isinstance(parent, dict) and name in parent:
        return parent[name]
    if isinstance(parent, list) and name.isascii() and name.isdecimal() and len(name) < 8:
        index = int(name)
        if str(index) == name and index < len(parent):
            return parent[index]
    raise ValueError("the meta of an input has a path that leads nowhere")


def _converted(value: object, annotation: object) -> object:
    if annotation == [_UNDEFINED] and value is None:
        return None
    if isinstance(annotation, list) and len(annotation) == 1 and isinstance(value, str):
        (kind,) = annotation
        if isinstance(kind, str) and kind in _OF_TEXT:
            return NO_JSON
    raise ValueError("the meta of an input makes something else of a value")
