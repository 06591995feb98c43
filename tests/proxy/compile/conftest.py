"""Configurations made runnable, for the tests of what they become."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.policy.base.tools import Tools
from gateway.proxy.compile.runtime import Runtime
from gateway.state.memory.store import MemoryStore
from tests.gateway_fixture import POLICIES, written
from tests.proxy.compile.building import HEAD, Build


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Build]:
    """Compiles an entry file (what follows its first lines) and policies; what was compiled is closed at the end."""
    runtimes: list[Runtime] = []

    def compiled(entry: str, policies: str = POLICIES) -> Runtime:
        config = written(tmp_path, HEAD + entry, policies, {})
        requests = config.listen.limits.per_address.requests
        runtimes.append(Runtime(config, Tools(MemoryStore(), requests_of_address=requests)))
        return runtimes[-1]

    yield compiled
    for runtime in runtimes:
        await runtime.close()
