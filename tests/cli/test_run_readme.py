"""The README's five minutes, typed as they stand there into a shell."""

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

ROOT = Path(__file__).parents[2]
MARK = "--- next ---"


def tour() -> list[tuple[str, list[str]]]:
    """Each shell block of the tour, with the lines that the block after it expects, as patterns."""
    section = (ROOT / "README.md").read_text().partition("## Five minutes")[2].partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```\n(?:```\n(.*?)```\n)?", section, re.S)
    found = []
    for typed, expected in blocks:
        lines = [line for line in expected.splitlines() if line not in ("", "...")]
        found.append((typed, [re.escape(line).replace(r"\.\.\.", ".*") for line in lines]))
    return found


def in_order(patterns: list[str], lines: list[str]) -> bool:
    """Whether every pattern has a line of its own, in this order."""
    rest = iter(lines)
    return all(any(re.fullmatch(pattern, line) for line in rest) for pattern in patterns)


async def shell(script: str) -> str:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "bash", "-s", stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate(script.encode())
    return output.decode()


async def test_the_five_minutes_go_as_written(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    (tmp_path / "upstreams.yaml").write_text(
        re.sub(r"port: (8080|8181|9090)", "port: 0", (ROOT / "upstreams.yaml").read_text())
    )
    run = Run(tmp_path, {name: value for name, value in os.environ.items() if name not in SECRETS})
    await run.start("--demo", "--workers", "1", json=False)
    try:
        await eventually(lambda: "Ctrl-C stops everything" in run.err.read_text() or run.process.returncode is not None)
        address = re.search(r"http://127\.0\.0\.1:\d+", run.err.read_text())
        assert address is not None, run.err.read_text()
        steps = tour()
        typed = f"\necho '{MARK}'\n".join(block for block, _ in steps)
        script = f"A={address[0]}/api/trpc\n{typed}".replace("http://127.0.0.1:8080", address[0])
        outputs = (await shell(script)).replace("\r", "").split(f"{MARK}\n")
    finally:
        run.send(signal.SIGINT)
        await run.ended()
    assert len(outputs) == len(steps) == 6
    for (block, expected), output in zip(steps, outputs, strict=True):
        assert expected, block
        assert in_order(expected, output.splitlines()), f"{block}\n{output}"
