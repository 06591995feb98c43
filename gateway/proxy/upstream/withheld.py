"""Which fields of clients an upstream does not get because nothing says that they pass: for operators, who may miss one."""

from __future__ import annotations

from collections.abc import Callable

MOST = 20
"""Names that are reported for one upstream; clients make them up, so there must be a bound."""
LONGEST = 64
"""Characters of a name that are reported."""


class WithheldFields:
    """Reports each name once as the event ``header_withheld``, the first ``MOST`` of them. ``on_event`` is
    ``OperatorEvents.event`` for one upstream."""

    def __init__(self, on_event: Callable[..., None]) -> None:
        self._on_event = on_event
        self._known: set[bytes] = set()

    def add(self, name: bytes) -> None:
        """Note that the field of that lower-case name, a token, stayed behind."""
        name = name[:LONGEST]
        if len(self._known) < MOST and name not in self._known:
            self._known.add(name)
            self._on_event("header_withheld", header=name.decode("ascii"))
