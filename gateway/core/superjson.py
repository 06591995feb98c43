"""An input in superjson's wrapping, read as superjson 2 hands it to the procedure, or refused.

``meta`` changes the value after it was parsed: it can remove a member, make another type of it, or replace one member by
another. What real clients send of it is applied here too; the rest is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

NO_JSON: Final = object()
"""Stands for a value that is no JSON, such as a Date."""

MOST_STEPS: Final = 2_500
"""Names in all paths of one ``meta`` that ``deserialize_plain`` follows, at about 0.2 us each."""

# The annotations that only turn one text in ``json`` into a value of another type.
_OF_TEXT = frozenset(("Date", "bigint", "number", "URL"))
_SEPARATOR = re.compile(r"(?<!\\)\.")
_A_DATE = ["Date"]
_NOTHING = ["undefined"]
_LEAP_SECOND = ":60"  # a date-time has it by RFC 3339 section 5.6, and so by a schema
_CHANGED = "the meta of an input makes something else of a value"


def deserialize(payload: object) -> object:
    """The value in ``payload``, None where it is undefined or null. What ``meta`` makes of texts is ``NO_JSON``; a member
    that it makes undefined is left out. The payload itself is changed. Raises ValueError, whose sentence quotes nothing.

    Refused: members beside ``json`` and ``meta``; ``referentialEqualities``; maps, sets, classes and all else that needs
    more than one text; and paths that do not lead to a value of the right kind by their plain spelling.
    """
    value, values = _unwrapped(payload)
    if isinstance(values, list):
        return _converted(value, values)
    _annotate(value, values)
    return value


class Input(NamedTuple):
    """What one call is given. ``value`` is its JSON, without the members that ``meta`` makes undefined. ``dates`` are the paths of
    texts in it that ``meta`` turns into a Date."""

    value: object
    dates: tuple[tuple[str, ...], ...] = ()


def deserialize_plain(payload: object) -> Input | None:
    """What ``payload`` holds, None where it is undefined as a whole. The payload itself is changed. Raises ValueError as
    ``deserialize``, and for every annotation but ``undefined`` of a member that is null and ``Date`` of a member or an item
    that is a text.
    """
    has_json = isinstance(payload, dict) and "json" in payload
    value, values = _unwrapped(payload)
    if isinstance(values, list):
        if values == _NOTHING and value is None:
            return None
        raise ValueError("the meta of an input makes something else of the whole of it")
    return Input(value, _apply(value, values) if values else ()) if has_json or values else None


def _apply(value: object, annotations: Mapping[str, object]) -> tuple[tuple[str, ...], ...]:
    """Remove from ``value`` what ``annotations`` make undefined. The paths of what they make a Date."""
    if "".join(annotations).count(".") + len(annotations) > MOST_STEPS:
        raise ValueError("the meta of an input has too many values")
    dates = []
    for path, annotation in annotations.items():
        names, parent = _parent_of(value, path)
        found = _at(parent, names[-1])
        if annotation == _A_DATE:
            if not isinstance(found, str):
                raise ValueError("the meta of an input makes a Date of what is no text")
            if _LEAP_SECOND in found:
                raise ValueError("the meta of an input makes a Date of a leap second, which is none in JavaScript")
            dates.append(names)
        elif annotation != _NOTHING:
            raise ValueError("the meta of an input makes another type than Date of a value")
        elif found is not None or not isinstance(parent, dict):
            raise ValueError("the meta of an input makes something undefined that is no member with null")
        else:
            del parent[names[-1]]
    return tuple(dates)


def _unwrapped(payload: object) -> tuple[object, dict[str, object] | list[object]]:
    """The value in ``payload`` and the annotations of its ``meta``."""
    if not isinstance(payload, dict):
        raise ValueError("an input needs an object with json in it")
    if not payload.keys() <= {"json", "meta"}:
        raise ValueError("an input has a member beside json and meta")
    value: object = payload.get("json")
    meta = payload.get("meta")
    if meta is None:
        return value, {}
    if not isinstance(meta, dict) or not meta.keys() <= {"values", "v"}:
        raise ValueError("the meta of an input has more than values")
    if meta.get("v", 0) not in (0, 1) or isinstance(meta.get("v", 0), bool):
        raise ValueError("the meta of an input is of another version")
    values = meta.get("values", {})
    if not isinstance(values, dict | list):
        raise ValueError("the meta of an input is malformed")
    return value, values


def _annotate(value: object, annotations: Mapping[str, object]) -> None:
    for path, annotation in annotations.items():
        (*_, last), parent = _parent_of(value, path)
        found = _converted(_at(parent, last), annotation)
        if isinstance(parent, list):
            parent[int(last)] = found
        elif isinstance(parent, dict):
            if found is None:
                del parent[last]
            else:
                parent[last] = found


def _parent_of(value: object, path: str) -> tuple[tuple[str, ...], object]:
    """The names in ``path``, and what all but the last of them lead to in ``value``."""
    names = _names(path)
    for name in names[:-1]:
        value = _at(value, name)
    return names, value


def _names(path: str) -> tuple[str, ...]:
    """The names in ``path``. All versions of superjson read a backslash and a dot as a dot in a name; they differ on every other
    backslash."""
    if "\\" not in path:
        return tuple(path.split("."))
    if "\\" in path.replace("\\.", ""):
        raise ValueError("the meta of an input has an escape in a path")
    return tuple([name.replace("\\.", ".") for name in _SEPARATOR.split(path)])


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
    if annotation == _NOTHING and value is None:
        return None
    if isinstance(annotation, list) and len(annotation) == 1 and isinstance(value, str):
        (kind,) = annotation
        if isinstance(kind, str) and kind in _OF_TEXT:
            return NO_JSON
    raise ValueError(_CHANGED)
