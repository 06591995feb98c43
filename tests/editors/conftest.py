"""One language server for the tests of a file: an editor that has the shipped folder open."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.editors.language_server import HERE, ROOT, SERVER, LanguageServer


@pytest.fixture(scope="session")
def packages() -> None:
    """The npm packages, installed from the lock file when they are not there yet."""
    if not SERVER.is_file():
        npm = shutil.which("npm")
        assert npm is not None, "npm is not installed; scripts/setup brings it"
        subprocess.run([npm, "ci", "--ignore-scripts", "--loglevel=error"], cwd=HERE, check=True, timeout=300)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(packages: None) -> AsyncIterator[LanguageServer]:
    started = await LanguageServer.start(ROOT)
    yield started
    await started.stop()
