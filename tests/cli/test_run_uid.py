"""A run under a user that the system does not know: no name, no home, nothing to write to but the folder of the state."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.gateway_run import ENTRY, JWT_SECRET, OPS_TOKEN, Run, health, status
from tests.held_backend import HeldBackend

# Of the tests' own user where that is not root, who may become others: without a name for it a container has no more.
USERS = [(54321, 0), (54321, 54321)] if os.getuid() == 0 else [(os.getuid(), os.getgid())]


@pytest.fixture
def folder() -> Iterator[Path]:
    """As /etc/gateway in the image: readable for all, and ``var`` writable for all."""
    made = Path(tempfile.mkdtemp())  # a test's own folder is closed to others
    made.chmod(0o755)
    (made / "var").mkdir()
    (made / "var").chmod(0o1777)
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("user", USERS)
async def test_any_user_can_run_it(
    folder: Path, user: tuple[int, int], backend: HeldBackend, http: ClientSession
) -> None:
    text = ENTRY.replace("WORKERS", "2").replace("DRAIN", "{announce: 0, finish: 2s}").replace("BACKEND", backend.url)
    (folder / "upstreams.yaml").write_text(text.replace("path: state", "path: var/state"))
    env = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH")},
        "PYTHONDONTWRITEBYTECODE": "1",
        "JWT_SECRET": JWT_SECRET,
        "GATEWAY_OPS_TOKEN": OPS_TOKEN,
        "UPSTREAM_KEY": "upstream-key-value",
    }
    run = Run(folder, env)
    await run.start(user=user)
    try:
        await run.serving()
        assert await status(http, run.url + "/health/ready") == 200
        assert await status(http, run.url + "/api/info") == 200
        assert (await health(run, http))["status"] == "ok"
        assert {path.stat().st_uid for path in (folder / "var").rglob("*")} == {user[0]}
        run.send(signal.SIGHUP)
        await run.event("reloaded")
    finally:
        await run.stop()
    assert run.process.returncode == 0
