"""What one Redis costs: measured here over a real server, then put on paper for 10,000 and 1,000,000 requests a second.

    python -m bench.redis_cost [--seconds 2]

Prints, per number of keys in a request and requests in an iteration of the event loop: microseconds of the gateway's
processor per request, microseconds of Redis's processor per request, and bytes on the wire per request. Start it on a
quiet machine: server and client share its cores, so the rates are lower than those of two machines. What leases change
is played by ``bench.redis_simulation``.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from gateway.state.redis.store import RedisStore
from gateway.state.rules.gcra import Take
from tests.state.redis_fixture import KEY, Server, server

RATES = (10_000, 1_000_000)


@dataclass(frozen=True)
class Cost:
    """Of one request. ``ours`` and ``theirs`` in seconds of processor time, ``wire`` in bytes both ways."""

    keys: int
    iteration: int
    rate: float
    ours: float
    theirs: float
    wire: float


def used(one: Server) -> tuple[float, int]:
    """Seconds of processor and bytes on the wire of a server so far."""
    info = dict(line.split(":", 1) for line in one.say("INFO", "all").split("\r\n") if ":" in line)
    seconds = float(info["used_cpu_sys"]) + float(info["used_cpu_user"])
    return seconds, int(info["total_net_input_bytes"]) + int(info["total_net_output_bytes"])


async def measure(one: Server, keys: int, iteration: int, seconds: float) -> Cost:
    store = RedisStore(one.url, KEY, timeout=5.0)
    await store.ping()
    takes = [[Take(b"%d/%d" % (number, key), 1, 300, 60.0, 60) for key in range(keys)] for number in range(1000)]
    now, count = time.time(), 0
    (cpu, wire), own, begin = used(one), time.process_time(), time.perf_counter()
    while time.perf_counter() - begin < seconds:
        await asyncio.gather(*(store.take(takes[(count + n) % 1000], now) for n in range(iteration)))
        count += iteration
    lasted, own = time.perf_counter() - begin, time.process_time() - own
    after = used(one)
    await store.close()
    return Cost(keys, iteration, count / lasted, own / count, (after[0] - cpu) / count, (after[1] - wire) / count)


def on_paper(cost: Cost) -> list[str]:
    lines = []
    for rate in RATES:
        lines.append(
            f"  at {rate:>9,}/s: {rate * cost.theirs:6.2f} cores of Redis, {rate * cost.ours:7.2f} cores of gateways, "
            f"{rate * cost.wire * 8 / 1e6:8,.0f} Mbit/s"
        )
    return lines


async def report(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as one:
        version = subprocess.run(["redis-server", "--version"], check=True, capture_output=True, text=True).stdout
        print(version.split(" sha")[0], "and Python", sys.version.split()[0])
        for keys in (1, 3):
            for iteration in (1, 10, 100):
                cost = await measure(one, keys, iteration, seconds)
                print(
                    f"{keys} key(s), {iteration:>3} requests an iteration: {cost.rate:>7,.0f}/s here, gateway "
                    f"{cost.ours * 1e6:5.1f} us, Redis {cost.theirs * 1e6:5.1f} us, {cost.wire:4.0f} bytes"
                )
                if iteration == 100:
                    print("\n".join(on_paper(cost)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    asyncio.run(report(parser.parse_args().seconds))
