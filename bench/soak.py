"""The soak: many users for long on the shipped files, as the app would ask. Time, errors, and whether memory grows.

    python -m bench.soak [--users N] [--seconds N] [--results FOLDER]

The limit per paid user is the only thing users run into by asking often; the mix stays below it. Every user begins with
one request of each kind, so that what is remembered of users is full before memory is expected to stay.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import aiohttp
import uvloop

from bench import report
from bench.contestants import HERE
from bench.process import AROUND, MEASURED, cpu_seconds, free_port, memory_kib, start, stop, tree
from bench.soak_users import Seen, User

ROOT = HERE.parent
EVERY = 1.0  # seconds between two looks at the memory
SETTLED = 1 / 3  # of the run, after which memory is expected to stay
PARTS = 12  # of the settled part, whose means the slope is laid through

# The shipped entry file is run as it is but for these lines: ports of this run, and every user behind a proxy of ours.
CHANGED = {
    "  port: 8080\n": "  port: ${SOAK_PORT}\n",
    "  trusted_proxies: []\n": "  trusted_proxies: [127.0.0.0/8]\n",
    "port: 9090": "port: 0",
    "port: 8181": "port: 0",
    "path: var/state ": "path: ${SOAK_STATE} ",
}


def shipped(folder: Path) -> Path:
    """The shipped files with the changed lines. Raises ValueError when one is no longer there."""
    text = (ROOT / "upstreams.yaml").read_text()
    for old, new in CHANGED.items():
        if text.count(old) != 1:
            raise ValueError(f"upstreams.yaml has no single {old.strip()!r} any more")
        text = text.replace(old, new)
    shutil.copytree(ROOT / "policies", folder / "policies")
    (folder / "upstreams.yaml").write_text(text)
    return folder / "upstreams.yaml"


def start_gateway(folder: Path, port: int, upstream: int, secret: str) -> subprocess.Popen[bytes]:
    """``gateway run`` on the shipped files, pinned, its log in the folder."""
    backend = f"http://127.0.0.1:{upstream}"
    environment = {
        "SOAK_PORT": str(port),
        "SOAK_STATE": str(folder / "state"),
        "GATEWAY_HOST": "127.0.0.1",
        "TUTOR_URL": backend,
        "TOOLKIT_URL": backend,
        "STT_URL": backend,
        "JWT_SECRET": secret,
        "TOOLKIT_API_KEY": secrets.token_urlsafe(32),
        "GATEWAY_OPS_TOKEN": secrets.token_urlsafe(32),
        "GATEWAY_STATE_KEY": secrets.token_urlsafe(32),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "gateway", "run", "--config", str(shipped(folder)), "--workers", "1"]
    return start(command, MEASURED, folder / "access.log", folder / "errors.log", environment, folder)


async def until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait for a 200: the port alone is open before the worker is there. Raises RuntimeError."""
    for _ in range(400):
        async with aiohttp.ClientSession() as session:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(url, timeout=aiohttp.ClientTimeout(2)) as answer:
                    if answer.status == 200:
                        return
        if process.poll() is not None:
            break
        await asyncio.sleep(0.05)
    raise RuntimeError("a process of the soak did not begin to serve")


@dataclass(frozen=True, slots=True)
class Point:
    """Memory at one moment: seconds since the beginning, KiB of the processes' own, KiB of pages of files."""

    at: float
    own: float
    files: float


async def watch(pids: list[int], points: list[Point]) -> None:
    """Note the memory until cancelled."""
    began = time.monotonic()
    while True:
        own, files = memory_kib(pids)
        points.append(Point(time.monotonic() - began, own, files))
        await asyncio.sleep(EVERY)


def memory(points: list[Point]) -> dict[str, Any]:
    """First, last and slope with its standard error over the settled part; pages of files apart."""
    settled = points[int(len(points) * SETTLED) :]
    times = [point.at for point in settled]
    return {
        **_slope(times, [point.own for point in settled]),
        "files": _slope(times, [point.files for point in settled]),
    }


def _slope(times: list[float], sizes: list[float]) -> dict[str, float]:
    """A line through the means of parts: memory moves in steps, and of looks a second apart nearly all say what the one
    before has said, so that the error would look many times smaller than it is."""
    slope = error = 0.0
    each = len(times) // PARTS
    if each:
        means = [
            (fmean(times[start : start + each]), fmean(sizes[start : start + each]))
            for start in range(len(times) % PARTS, len(times), each)
        ]
        middles = [at for at, _ in means]
        slope, start_at = statistics.linear_regression(middles, [size for _, size in means])
        left = sum((size - start_at - slope * at) ** 2 for at, size in means)
        middle = fmean(middles)
        error = (left / (PARTS - 2) / sum((at - middle) ** 2 for at in middles)) ** 0.5
    return {
        "first_mib": round(sizes[0] / 1024, 2),
        "last_mib": round(sizes[-1] / 1024, 2),
        "slope_kib_per_minute": round(slope * 60, 2),
        "error_kib_per_minute": round(error * 60, 2),
    }


def spread(times: list[float]) -> dict[str, float]:
    """How many, and the percentiles in milliseconds."""
    ordered = sorted(times)
    return {"requests": len(ordered)} | {
        f"p{part}_ms": round(ordered[min(len(ordered) - 1, len(ordered) * part // 100)] * 1000, 3)
        for part in (50, 95, 99)
    }


async def soak(users: int, seconds: int, folder: Path) -> dict[str, Any]:
    """Run it; the results."""
    secret = secrets.token_urlsafe(32)
    port, upstream_port = free_port(), free_port()
    load_before = os.getloadavg()[0]
    upstream = start(
        [sys.executable, "-m", "bench.soak_upstream", str(upstream_port)], AROUND, errors=folder / "up.log", folder=ROOT
    )
    gateway = start_gateway(folder, port, upstream_port, secret)
    try:
        await until_ready(f"http://127.0.0.1:{upstream_port}/api/health", upstream)
        await until_ready(f"http://127.0.0.1:{port}/health/ready", gateway)
        pids = tree(gateway.pid)
        points: list[Point] = []
        seen = Seen()
        crowd = [User(number, secret, random.Random(number)) for number in range(users)]
        used, began = cpu_seconds(pids), time.monotonic()
        watching = asyncio.create_task(watch(pids, points))
        await asyncio.gather(*(user.live(f"http://127.0.0.1:{port}", began + seconds, seen) for user in crowd))
        elapsed = time.monotonic() - began
        watching.cancel()
        everything = [value for times in seen.times.values() for value in times]
        cost = (cpu_seconds(pids) - used) / len(everything) * 1e6
        same = tree(gateway.pid) == pids
    except RuntimeError as error:
        raise RuntimeError(f"{error}\n{(folder / 'errors.log').read_text()[-2000:]}") from error
    finally:
        stop(gateway)
        stop(upstream)
    if not same:
        seen.errors.append("the gateway's processes are not those that began: a worker was replaced")
    return {
        "users": users,
        "seconds": seconds,
        "requests": len(everything),
        "per_second": round(len(everything) / elapsed, 1),
        "cpu_us": round(cost, 1),
        "wrong": len(seen.wrong),
        "wrong_samples": seen.wrong[:5],
        "errors": len(seen.errors),
        "error_samples": seen.errors[:5],
        "all": spread(everything),
        "kinds": {
            kind: spread(times) | {"statuses": dict(sorted(seen.statuses[kind].items()))}
            for kind, times in sorted(seen.times.items())
        },
        "memory": memory(points),
        "noise": [
            *([f"the load average before was {load_before:.2f}"] if load_before > 0.5 else []),
            *([f"{seconds} s are short for a slope"] if seconds < 300 else []),
        ],
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Many users for long.")
    parser.add_argument("--users", type=int, default=int(os.environ.get("SOAK_USERS", "1000")))
    parser.add_argument("--seconds", type=int, default=int(os.environ.get("SOAK_SECONDS", "600")))
    parser.add_argument("--results", type=Path, default=HERE / "results")
    options = parser.parse_args(arguments)
    os.sched_setaffinity(0, AROUND)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        results = uvloop.run(soak(options.users, options.seconds, Path(name)))
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "soak.json").write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))
    if (options.results / "latest.json").exists():
        report.write(options.results)
    return 0 if not results["wrong"] and not results["errors"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
