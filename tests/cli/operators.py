"""A command of operators against the real operators' listener over an admin in memory, as a test calls it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_line import run
from tests.ops.api.fake_admin import FakeAdmin


@dataclass
class Operators:
    """``admin`` is behind the listener at ``url``, whose token is in ``token_file``."""

    admin: FakeAdmin
    url: str
    token_file: Path
    capsys: pytest.CaptureFixture[str]

    async def command(self, *words: str) -> tuple[int, str, str]:
        """Exit code, output and errors of ``gateway WORDS`` with the address and the token."""
        return await self.bare(*words, "--ops", self.url, "--token-file", str(self.token_file))

    async def bare(self, *words: str) -> tuple[int, str, str]:
        """The same without."""
        self.capsys.readouterr()
        code = await asyncio.to_thread(run, *words)
        printed = self.capsys.readouterr()
        return code, printed.out, printed.err

    async def json(self, *words: str) -> tuple[int, Any]:
        code, out, err = await self.command(*words, "--json")
        assert err == ""
        return code, json.loads(out)
