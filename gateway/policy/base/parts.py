"""The parts of a runtime that cost time to make and remember nothing of requests: compiled schemas, the authorities of TLS."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Parts:
    """Makes each part anew: what serves is made once, and kept by nobody else."""

    def part(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` makes. ``key`` names the kind of part and has all that it is made of."""
        return make()


class KeptParts(Parts):
    """Makes each part once, for many runtimes of one configuration after each other. It keeps them for as long as it lives."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}

    def part(self, key: Hashable, make: Callable[[], T]) -> T:
        """See ``Parts.part``."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made


NOT_KEPT = Parts()
