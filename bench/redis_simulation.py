"""What Redis has to do for a fleet, with and without leases: the gateway's own code on a clock of its own.

    python -m bench.redis_simulation [--requests 30000]

Each row plays a slice of 10,000 or 1,000,000 requests a second, spread by chance over the workers of a fleet, against a
real Redis: the time between requests is simulated, the work is real. It reports how many scripts Redis ran per request,
what they cost its processor, and how many cores that is at the full rate. What passed is held against the limit: more
would be a mistake, and ends the run. Bits of a second and one Redis here stand for whole seconds and a cluster there.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.redis_cost import used
from gateway.state.memory.store import MemoryStore
from gateway.state.redis.leases import Leases
from gateway.state.redis.store import RedisStore
from gateway.state.rules.gcra import Take
from tests.state.redis_fixture import KEY, Server, server

NOON = 1_767_268_800.0
ITERATION = 0.001  # seconds: the requests of a millisecond that a worker gets are one iteration of its loop
TICK = 1.0  # seconds between two times that expired leases are given back, as in state.failover.link
BLOCK = 100


@dataclass(frozen=True)
class Fleet:
    """``rate`` requests a second over ``workers``."""

    rate: int
    workers: int


@dataclass(frozen=True)
class Traffic:
    """``clients`` keys, of which the first few get most requests (Zipf), and the limit of a key as a share of all requests."""

    name: str
    clients: int
    share: float


FLEETS = (Fleet(10_000, 8), Fleet(1_000_000, 100))
TRAFFIC = (
    Traffic("one key, below its limit", 1, 1.5),
    Traffic("one key, at twice its limit", 1, 0.5),
    Traffic("20,000 clients, below their limits", 20_000, 1.0),
)


@dataclass(frozen=True)
class Found:
    """Per request: scripts that Redis ran and seconds of its processor. ``passed`` requests out of ``requests``."""

    scripts: float
    redis: float
    passed: int
    requests: int


def scripts(one: Server) -> int:
    """How many scripts the server has run so far."""
    stats = dict(line.split(":", 1) for line in one.say("INFO", "commandstats").split("\r\n") if ":" in line)
    found = [stats.get(f"cmdstat_{name}", "calls=0,") for name in ("evalsha", "eval")]
    return sum(int(line.partition("calls=")[2].partition(",")[0]) for line in found)


def arrivals(fleet: Fleet, traffic: Traffic, requests: int, chance: random.Random) -> list[list[tuple[int, int]]]:
    """Worker and client of every request, by iterations."""
    weights = [1.0 / (number + 1) for number in range(traffic.clients)]
    clients = chance.choices(range(traffic.clients), weights, k=requests)
    pairs = [(chance.randrange(fleet.workers), client) for client in clients]
    size = max(1, int(fleet.rate * ITERATION))
    return [pairs[start : start + size] for start in range(0, requests, size)]


async def play(one: Server, fleet: Fleet, traffic: Traffic, lease: int, requests: int) -> Found:
    """One slice. Raises SystemExit when more passes than the limits say."""
    one.say("FLUSHALL")
    stores = [RedisStore(one.url, KEY, timeout=60.0) for _ in range(fleet.workers)]
    for store in stores:
        await store.ping()
    workers = [Leases(store) for store in stores]
    limit = max(1, int(fleet.rate * traffic.share))
    takes = [
        Take(b"%d" % number, 1, limit, 1.0, max(10 * BLOCK, limit // 100), lease) for number in range(traffic.clients)
    ]
    exact, passed, moment, due = MemoryStore(), 0, NOON, NOON + TICK
    iterations = arrivals(fleet, traffic, requests, random.Random(7))
    before = scripts(one), used(one)[0]
    for iteration in iterations:
        moment += ITERATION
        asked = [(workers if lease else stores)[worker].take((takes[client],), moment) for worker, client in iteration]
        taken = await asyncio.gather(*asked)
        granted = Counter(client for (_, client), result in zip(iteration, taken, strict=True) if result[0].ok)
        for client, count in granted.items():
            if not exact.take((takes[client]._replace(cost=count),), moment)[0].ok:
                raise SystemExit(f"{traffic.name}: more passed than the limit says")
        passed += granted.total()
        if lease and moment >= due:
            due += TICK
            await asyncio.gather(*(worker.give_back(moment) for worker in workers))
    after = scripts(one), used(one)[0]
    for store in stores:
        await store.close()
    return Found((after[0] - before[0]) / requests, (after[1] - before[1]) / requests, passed, requests)


async def report(requests: int) -> None:
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as one:
        print("Python", sys.version.split()[0], f"and one Redis; {requests:,} requests a row, leases of {BLOCK}")
        for fleet in FLEETS:
            print(f"\n{fleet.rate:,} requests a second over {fleet.workers} workers")
            for traffic in TRAFFIC:
                for lease in (0, BLOCK):
                    found = await play(one, fleet, traffic, lease, requests)
                    print(
                        f"  {traffic.name:<36}{'leased' if lease else 'one by one':<11}"
                        f"{found.scripts:7.4f} scripts a request {found.redis * 1e6:6.2f} us  "
                        f"{found.redis * fleet.rate:7.3f} cores of Redis  {found.passed / found.requests:6.1%} passed"
                    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=30_000)
    asyncio.run(report(parser.parse_args().requests))
