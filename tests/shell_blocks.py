"""The shell blocks of a page with what they are said to print, typed into a shell."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from pathlib import Path

from gateway.demo.quickstart import SECRETS
from tests.eventually import eventually
from tests.gateway_run import Run

ROOT = Path(__file__).parents[1]
_MARK = "--- next ---"


def shell_blocks(section: str) -> list[tuple[str, list[str]]]:
    """Each ``sh`` block of the Markdown ``section``, with the lines that the block after it expects, as patterns in which
    ``...`` stands for anything."""
    found = []
    for typed, expected in re.findall(r"```sh\n(.*?)```\n(?:```\n(.*?)```\n)?", section, re.S):
        lines = [line for line in expected.splitlines() if line not in ("", "...")]
        found.append((typed, [re.escape(line).replace(r"\.\.\.", ".*") for line in lines]))
    return found


def in_order(patterns: list[str], lines: list[str]) -> bool:
    """Whether every pattern has a line of its own, in this order."""
    rest = iter(lines)
    return all(any(re.fullmatch(pattern, line) for line in rest) for pattern in patterns)


async def typed_before_the_demo(blocks: list[str], folder: Path) -> list[str]:
    """What each of ``blocks`` prints when one shell runs them all before ``gateway run --demo`` on the shipped files, which
    are copied to ``folder``. ``A`` is the address that pages mean by it, and 127.0.0.1:8080 the demo's."""
    shutil.copytree(ROOT / "policies", folder / "policies")
    (folder / "upstreams.yaml").write_text(
        re.sub(r"port: (8080|8181|9090)", "port: 0", (ROOT / "upstreams.yaml").read_text())
    )
    run = Run(folder, {name: value for name, value in os.environ.items() if name not in SECRETS})
    await run.start("--demo", "--workers", "1", json=False)
    try:
        await eventually(lambda: "Ctrl-C stops everything" in run.err.read_text() or run.process.returncode is not None)
        address = re.search(r"http://127\.0\.0\.1:\d+", run.err.read_text())
        assert address is not None, run.err.read_text()
        typed = f"\necho '{_MARK}'\n".join(blocks)
        script = f"A={address[0]}/api/trpc\n{typed}".replace("http://127.0.0.1:8080", address[0])
        return (await _shell(script)).replace("\r", "").split(f"{_MARK}\n")
    finally:
        run.send(signal.SIGINT)
        await run.ended()


async def _shell(script: str) -> str:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "bash", "-s", stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate(script.encode())
    return output.decode()
