"""One setting in effect, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Setting:
    """``path`` is like ``listen.port``; ``value`` is as it was parsed, a Secret where it is one. ``source`` is ``file``,
    ``environment NAME``, ``file PATH`` (a reference ``${file:PATH}``), ``default of NAME`` (the one written in the
    reference), ``defaults`` (those of routes) or ``default`` (nothing is written). ``at`` is file:line:column, empty where
    nothing is written."""

    path: str
    value: object = field(repr=False)
    source: str
    at: str
