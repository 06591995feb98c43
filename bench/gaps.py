"""The longest gap: how long a request waits at worst beside 32 busy connections, and what held the loop of the gateway.

    python -m bench.gaps [--seconds N] [--connections N] [--contestants NAME,...]

A probe asks for the same as the load on a connection of its own, one request after the other, and notes how long each took.
What it sees also depends on what else the machine does, so the gateway notes by itself the processor time of each piece of its
periodic work (``recorder/sitecustomize.py``): that is what may not exceed 0.3 ms.
"""

from __future__ import annotations

import argparse
import json
import secrets
import socket
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from bench.contestants import CONTESTANTS, HERE, Command, Contestant, Setting, start_upstream
from bench.load import measure, token_files
from bench.process import free_port, stop
from bench.prove import GOOD_ORIGIN, wait
from bench.scenarios import LOGGED, SCENARIOS
from bench.tokens import spoilt, token

MOST_MS = 0.3
"""What one piece of periodic work may take of the loop."""


class Probe(threading.Thread):
    """Asks one request after the other until ``ended``, and keeps how many milliseconds each took."""

    def __init__(self, port: int, bearer: str) -> None:
        super().__init__(daemon=True)
        self.took: list[float] = []
        self.ended = threading.Event()
        self._port = port
        lines = [
            "GET /api/items HTTP/1.1",
            "Host: a",
            f"Origin: {GOOD_ORIGIN}",
            f"Authorization: Bearer {bearer}",
            "",
            "",
        ]
        self._request = "\r\n".join(lines).encode()

    def run(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as sock, sock.makefile("rb") as responses:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not self.ended.is_set():
                began = time.perf_counter()
                sock.sendall(self._request)
                length = 0
                while line := responses.readline().strip():
                    name, _, value = line.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                responses.read(length)
                self.took.append((time.perf_counter() - began) * 1000)

    def quantile(self, share: float) -> float:
        """The milliseconds that so large a share of the requests took at most."""
        ordered = sorted(self.took)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def recorded(contestant: Contestant, holds: Path) -> Contestant:
    """The gateway with its recorder; another contestant as it is."""
    if contestant.name != "gateway":
        return contestant

    def command(setting: Setting) -> Command:
        words, environment = contestant.command(setting)
        path = f"{HERE / 'recorder'}:{environment['PYTHONPATH']}"
        return words, {**environment, "PYTHONPATH": path, "BENCH_HOLDS": str(holds)}

    return replace(contestant, command=command)


def one(contestant: Contestant, options: argparse.Namespace, folder: Path) -> None:
    """Measure one contestant, and print what was seen."""
    secret = secrets.token_urlsafe(32)
    upstream, upstream_port = start_upstream(folder / "upstream", secret)
    good = [token(secret, f"user-{number}") for number in range(200)]
    tokens = token_files(folder, good, [spoilt(each, number) for number, each in enumerate(good)])
    holds, setting = folder / "holds.json", Setting(folder, LOGGED, free_port(), upstream_port, secret)
    scenario = replace(next(each for each in SCENARIOS if each.name == "log-32"), connections=options.connections)
    running = recorded(contestant, holds).start(setting)
    try:
        wait(running)
        measure(running, scenario, 1, tokens["good"], upstream.pid)  # to warm up
        probe = Probe(setting.port, good[0])
        probe.start()
        sample = measure(running, scenario, options.seconds, tokens["good"], upstream.pid)
        probe.ended.set()
        probe.join(10)
    finally:
        running.stop()
        stop(upstream)
    quantiles = ", ".join(f"p{share:g} {probe.quantile(share / 100):.2f}" for share in (50, 99, 99.9))
    print(f"{contestant.name}: {sample.per_second:,.0f}/s, probe ms: {quantiles}, longest {max(probe.took):.2f}")
    if holds.exists():
        pieces = json.loads(holds.read_text())
        for name, seen in sorted(pieces.items(), key=lambda item: -item[1]["longest_ms"]):
            mark = "  more than it may" if seen["longest_ms"] > MOST_MS else ""
            print(
                f"  {name:34} {seen['pieces']:6} pieces, median {seen['median_ms']:.3f}, longest {seen['longest_ms']:.3f} ms{mark}"
            )


def main() -> None:
    """Measure the contestants one after the other."""
    parser = argparse.ArgumentParser(description="The longest gap beside busy connections.")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--contestants", default="gateway", type=lambda text: text.split(","))
    options = parser.parse_args()
    for contestant in CONTESTANTS:
        if contestant.name in options.contestants:
            with tempfile.TemporaryDirectory(prefix="gaps-") as name:
                folder = Path(name)
                folder.chmod(0o755)
                one(contestant, options, folder)


if __name__ == "__main__":
    main()
