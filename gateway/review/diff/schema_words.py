"""What a schema no longer asks of an input, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gateway.core.issue import Token
from gateway.policy.base.written import code, listed
from gateway.policy.schema.document import follow

_MOST = 3  # differences that are named
_LONGEST = 120  # characters of a value

ABSENT = object()
"""In place of the value of a keyword that is not there."""


class Differing(NamedTuple):
    """A keyword of two schemas that differ in it: where it is, and its value on each side."""

    path: tuple[str, ...]
    before: object
    after: object


_ASKS = {
    "pattern": "to match {}",
    "format": "the format {}",
    "enum": "one of {}",
    "const": "to be {}",
    "type": "the type {}",
    "maxLength": "at most {} characters",
    "minLength": "at least {} characters",
    "maxItems": "at most {} entries",
    "minItems": "at least {} entries",
    "maximum": "at most {}",
    "minimum": "at least {}",
    "exclusiveMaximum": "less than {}",
    "exclusiveMinimum": "more than {}",
    "required": "the fields {}",
    "additionalProperties": "other fields: {}",
}
_OF_TEXTS = frozenset(("pattern", "format", "enum", "const"))
"""Keywords that say which texts are taken; without any of them a text of any characters is."""


def loosened(found: Sequence[Differing], new: object) -> str:
    """A sentence: which inputs may now be sent, of two schemas that differ in ``found``. ``new`` is the new schema."""
    if len(found) == 1 and _is_free_text(found[0], new):
        (path, before, _) = found[0]
        field = follow(new, path[:-1])
        rest = [
            _asks(key, field[key]) for key in ("minLength", "maxLength") if isinstance(field, Mapping) and key in field
        ]
        length = f" of {' and '.join(rest)}" if rest else ""
        return f"Any text{length} may now be sent as {_name(path)}; before, it had {_had(path[-1], before)}."
    named = "; ".join(_difference(each) for each in found[:_MOST])
    more = f"; and {len(found) - _MOST} more differences" if len(found) > _MOST else ""
    return f"Inputs may now be sent that the schema refused: {named}{more}."


def _is_free_text(one: Differing, new: object) -> bool:
    path, before, after = one
    field = follow(new, path[:-1])
    return (
        after is ABSENT
        and path[-1] in _OF_TEXTS
        and before is not ABSENT
        and len(path) == 3
        and path[0] == "properties"
        and isinstance(field, Mapping)
        and field.get("type") == "string"
        and field.keys() <= {"type", "minLength", "maxLength", "title", "description"}
    )


def _had(keyword: str, value: object) -> str:
    asks = _asks(keyword, value)
    return asks if asks.startswith("to ") else f"to be {asks}" if keyword == "enum" else f"to have {asks}"


def _difference(one: Differing) -> str:
    path, before, after = one
    of = f"of {_name(path)} " if path[:-1] else ""
    keyword = path[-1] if path else "schema"
    if after is ABSENT:
        return f"{of}it no longer asks {_asks(keyword, before)}"
    if before is ABSENT:
        return f"{of}it now says {_asks(keyword, after)}"
    return f"{of}it asks {_asks(keyword, after)} in place of {_asks(keyword, before)}"


def _asks(keyword: str, value: object) -> str:
    if keyword in ("enum", "required") and isinstance(value, list):
        shown = listed(_short(each) for each in value)
    else:
        shown = _short(value) if isinstance(value, int | float) and not isinstance(value, bool) else code(_short(value))
    return _ASKS[keyword].format(shown) if keyword in _ASKS else f"{code(keyword)} {shown}"


def _short(value: object) -> str:
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return written if len(written) <= _LONGEST else f"{written[:_LONGEST]}..."


def _name(path: Sequence[Token]) -> str:
    """How people write the field that ``path``, which ends in a keyword, is about."""
    fields: list[str] = []
    keys = [str(key) for key in path[:-1]]
    while keys:
        key = keys.pop(0)
        if key == "properties" and keys:
            fields.append(keys.pop(0))
        elif key == "items":
            fields.append("[]")
        else:
            fields.append(key)
    return code(".".join(fields).replace(".[]", "[]"))
