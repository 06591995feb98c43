"""The type of the fixture ``build``: an entry file, what follows its first lines, and policies to a runtime."""

from __future__ import annotations

from typing import Protocol

from gateway.proxy.compile.runtime import Runtime
from tests.gateway_fixture import POLICIES

HEAD = "version: 1\ninclude: [policies/*.yaml]\n"


class Build(Protocol):
    def __call__(self, entry: str, policies: str = POLICIES) -> Runtime: ...
