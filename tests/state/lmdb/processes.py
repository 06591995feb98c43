"""Worker processes that share the store of a test, and the limit that they take from."""

import os
import subprocess
import sys
from pathlib import Path

import gateway
from gateway.state.rules.gcra import Take

NOON = 1_767_268_800.0
ROOT = str(Path(gateway.__file__).parents[1])
ADA = Take(b"ada@example.com", 1, 1000, 86400.0, 1000)


def child(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    """A process that runs ``script`` with the store open as ``store``; argument 1 is the directory."""
    opening = (
        "import os, sys; from pathlib import Path; from gateway.state.lmdb.store import LmdbStore;"
        "from gateway.state.rules.gcra import Take; store = LmdbStore(Path(sys.argv[1]), size=1 << 24)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", opening + script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ROOT},
    )
