"""scripts/inputs.mjs, run as an operator runs it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.trpc.real_peers import HERE

ROOT = HERE.parents[1]


def written(router: str, folder: Path, *more: str) -> tuple[int, str]:
    """The exit code of scripts/inputs.mjs for a router of this folder, and what it has printed."""
    node = shutil.which("node")
    assert node is not None
    script = [node, str(ROOT / "scripts" / "inputs.mjs"), str(HERE / router), "--out", str(folder), *more]
    done = subprocess.run(script, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr
