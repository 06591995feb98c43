"""Values of settings as people write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Final

from pydantic import BaseModel

from gateway.core.secret import Secret

NONE: Final = "none"
"""For what is not there."""

_LISTED = 3

_TIMES = ((86400.0, "d"), (3600.0, "h"), (60.0, "m"), (1.0, "s"))
_SIZES = ((1024**3, "GiB"), (1000**3, "GB"), (1024**2, "MiB"), (1000**2, "MB"), (1024, "KiB"), (1000, "KB"))


def text(value: object) -> str:
    """``value`` as it would stand in YAML, on one line."""
    match value:
        case None:
            return NONE
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case Secret():
            return value.shown
        case BaseModel():
            return text(
                {
                    field.alias or name: getattr(value, name)
                    for name, field in type(value).model_fields.items()
                    if getattr(value, name) != field.get_default(call_default_factory=True)
                }
            )
        case Mapping():
            return "{" + ", ".join(f"{key}: {text(each)}" for key, each in value.items()) + "}"
        case tuple() | list() | Set():
            return "[" + ", ".join(text(each) for each in value) + "]"
    return str(value)


def code(value: str) -> str:
    """``value`` between backticks, as names and values stand in sentences; a backtick of its own becomes an apostrophe."""
    return "`" + value.replace("`", "'") + "`"


def listed(values: Iterable[object]) -> str:
    """The first few of ``values``, each as ``code``, and how many more there are."""
    shown = [code(text(value)) for value in values]
    more = len(shown) - _LISTED
    parts = [*shown[:_LISTED], f"{more} more"] if more > 0 else shown
    return " and ".join([part for part in (", ".join(parts[:-1]), *parts[-1:]) if part])


def duration(value: float | None) -> str:
    """Seconds as ``500ms``, ``10s``, ``15m``, ``1h`` or ``1d``."""
    if value is None:
        return NONE
    if value == 0:
        return "0s"
    unit, name = next(((unit, name) for unit, name in _TIMES if value % unit == 0), (0.001, "ms"))
    return f"{round(value / unit, 3):g}{name}"


def size(value: float | None) -> str:
    """Whole bytes as ``512``, ``16KiB`` or ``10MB``."""
    if value is None:
        return NONE
    unit, name = next(((unit, name) for unit, name in _SIZES if value and value % unit == 0), (1, ""))
    return f"{int(value) // unit}{name}"


def share(value: float | None) -> str:
    """A part of one as ``20%``."""
    return NONE if value is None else f"{round(value * 100, 2):g}%"
