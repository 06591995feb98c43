"""Work of the supervisor in a process of its own: bounded in time and in memory, which go back when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import gateway

LARGEST = 16 * 1024 * 1024
"""Bytes of a result."""

_ROOT = str(Path(gateway.__file__ or "").resolve().parent.parent)


async def run_apart(module: str, order: bytes, seconds: float, largest: int = LARGEST) -> tuple[int, bytes]:
    """Exit code and output of a process of ``module`` that gets ``order``. It does not outlive the call, and its own clock ends
    it a second after ``seconds``. Raises ValueError for more than ``largest`` bytes, and OSError where no process can be made."""
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", module, str(int(seconds) + 1)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdin is not None and process.stdout is not None, "pipes"
    try:
        with contextlib.suppress(ConnectionError):  # it ended early: its exit code says that
            process.stdin.write(order)
            await process.stdin.drain()
        process.stdin.close()
        octets = bytearray()
        while piece := await process.stdout.read(65536):
            octets += piece
            if len(octets) > largest:
                raise ValueError("too large a result")
        return await process.wait(), bytes(octets)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
