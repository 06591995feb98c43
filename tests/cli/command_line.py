"""A command of ``gateway`` in the test's own process, and a small configuration that it likes."""

from __future__ import annotations

import pytest

from gateway.cli.app import main

GOOD = """version: 1
upstreams: {tutor: {endpoints: [{url: "http://127.0.0.1:8787"}], trpc: {prefix: /api/trpc}}}
ops: {token: "${OPS_TOKEN:-}"}
routes:
  - {name: a, procedures: [lessons.getAll, lessons.getById], upstream: tutor, auth: public}
"""


def run(*words: str) -> int:
    """The exit code of one command."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return ended.value.code if isinstance(ended.value.code, int) else 0
