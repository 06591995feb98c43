"""What a dry run makes once, and what it need not make."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any, TypeVar, cast

from gateway.policy.base.parts import KeptParts

T = TypeVar("T")

_UNCONNECTED: dict[Hashable, Callable[[], Any]] = {
    "trust": lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    "authorities": bytes,
}
"""What stands for the authorities of this system: to read them takes 40 ms, and nothing here connects to an upstream."""


class _Later:
    """What ``make`` makes, made when something of it is asked for: of 62 schemas a request needs one."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> object:
        return self._make()

    def __getattr__(self, name: str) -> object:
        return getattr(self._made, name)


class DryParts(KeptParts):
    """Makes each part once, for many dry runs of one configuration after each other, and schemas when they are needed."""

    def part(self, key: Hashable, make: Callable[[], T]) -> T:
        """See ``Parts.part``."""
        if key in _UNCONNECTED:
            return cast(T, super().part(key, _UNCONNECTED[key]))
        if isinstance(key, tuple) and key[0] == "schema":
            return super().part(key, lambda: cast(T, _Later(make)))
        return super().part(key, make)
