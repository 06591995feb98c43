"""The bench: the gateway beside Envoy, HAProxy, nginx, Traefik and a plain aiohttp proxy, on the same work.

    python -m bench.run [--quick] [--rounds N] [--seconds N] [--only NAME,...] [--contestants NAME,...]

Every figure is the median over the rounds; within a round the contestants take turns on each set-up.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import chart, idle, report
from bench.bodies import written
from bench.contestants import CONTESTANTS, HERE, Contestant, Running, Setting, found, start_upstream
from bench.load import Sample, Spoilt, measure, token_files
from bench.process import AROUND, CORES, cpu_model, free_port, resident_kib, start, stop
from bench.prove import NotProved, prove, wait
from bench.scenarios import LOGGED, MODES, REDIS, SCENARIOS, Scenario
from bench.tokens import spoilt, token

RESULTS = HERE / "results"
USERS = 200  # tokens in turn: nobody's check may rest on having seen the one token before


@dataclass
class Bench:
    """One run."""

    options: argparse.Namespace
    folder: Path
    upstream: subprocess.Popen[bytes]
    upstream_port: int
    secret: str
    tokens: dict[str, Path]
    redis: str = ""
    samples: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)
    proofs: dict[str, dict[str, int | None]] = field(default_factory=dict)
    rest_mib: dict[str, float] = field(default_factory=dict)
    worker_mib: float = 0.0
    idle: dict[str, dict[str, float]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def scenarios(self, mode: str) -> list[Scenario]:
        wanted = self.options.only
        return [
            one
            for one in SCENARIOS
            if one.mode == mode and (one.name in wanted if wanted else one.quick or not self.options.quick)
        ]

    def contestants(self) -> list[Contestant]:
        wanted = self.options.contestants
        return [one for one in CONTESTANTS if not wanted or one.name in wanted]

    def round(self, number: int) -> None:
        """Every set-up, every contestant; who begins changes from round to round."""
        for mode in MODES:
            scenarios = self.scenarios(mode)
            if not scenarios or (mode == REDIS and not self.redis):
                continue
            order = [one for one in self.contestants() if mode in one.modes]
            turn = number % len(order) if order else 0
            for contestant in order[turn:] + order[:turn]:
                try:
                    with self.running(contestant, mode, number) as running:
                        self._one(running, mode, scenarios)
                        self._logged(running)
                except (NotProved, FileNotFoundError) as error:
                    self._missing(f"{contestant.name} {mode}", str(error))

    def _one(self, running: Running, mode: str, scenarios: list[Scenario]) -> None:
        name = running.contestant.name
        self.rest_mib.setdefault(f"{name} {mode}", resident_kib(running.pids) / 1024)
        if name == "gateway":
            workers = running.pids[1:]  # the first is the supervisor
            self.worker_mib = max(self.worker_mib, *(resident_kib([pid]) / 1024 for pid in workers))
        if f"{name} {mode}" not in self.proofs:
            self.proofs[f"{name} {mode}"] = prove(running)
        for scenario in scenarios:
            if scenario.tokens == "bad" and not running.contestant.reads_tokens:
                continue
            if scenario.judged and not running.contestant.judges:
                continue
            tokens = self.tokens[scenario.tokens]
            body = written(self.folder, scenario.content, scenario.body) if scenario.body else None
            try:
                if not self.options.quick:
                    measure(running, scenario, 1, tokens, self.upstream.pid, body)  # to warm up
                sample = measure(running, scenario, self.options.seconds, tokens, self.upstream.pid, body)
            except Spoilt as error:
                self._missing(f"{name} {scenario.name}", str(error))
                continue
            self.samples.setdefault(scenario.name, {}).setdefault(name, []).append(sample)
            say(
                f"  {scenario.name:14} {name:8} {sample.per_second:9,.0f}/s  p99 {sample.p99_us / 1000:8.2f} ms  "
                f"{sample.cpu_us:7.1f} us cpu  {sample.peak_mib:6.0f} MiB"
            )

    def _logged(self, running: Running) -> None:
        """See that a log that is asked for was written, within a second or two: some keep it back. Raises NotProved."""
        log = running.setting.log
        end = time.monotonic() + 3
        while running.setting.mode == LOGGED and not (log.exists() and log.stat().st_size > 1000):
            if time.monotonic() < end:
                time.sleep(0.1)  # peers write their logs in their own time
                continue
            for scenario in self.scenarios(LOGGED):  # figures without the work are none
                self.samples.get(scenario.name, {}).pop(running.contestant.name, None)
            raise NotProved(f"{running.contestant.name} writes no access log")

    def idle_connections(self) -> None:
        """Memory of connections that wait."""
        for contestant in self.contestants():
            if self.options.quick and contestant.name not in ("gateway", "envoy"):
                continue
            try:
                with self.running(contestant, "policies", 99) as running:
                    self.idle[contestant.name] = seen = idle.measure(running, self.options.idle)
                    say(
                        f"  {'idle':14} {contestant.name:8} {seen['kib_each']:6.1f} KiB each of {seen['connections']:.0f}"
                    )
            except (NotProved, FileNotFoundError, OSError) as error:
                self._missing(f"{contestant.name} idle", str(error))

    def _missing(self, what: str, why: str) -> None:
        self.missing[what] = why.strip().partition("\n")[0]  # the rest names paths of this machine
        say(f"  NOT MEASURED {what}: {why.strip()}")

    @contextlib.contextmanager
    def running(self, contestant: Contestant, mode: str, number: int) -> Iterator[Running]:
        """The contestant, serving."""
        folder = self.folder / f"{contestant.name}-{mode}-{number}"
        folder.mkdir()
        setting = Setting(folder, mode, free_port(), self.upstream_port, self.secret, self.redis)
        running = contestant.start(setting)
        try:
            wait(running)
            yield running
        finally:
            running.stop()
            setting.log.unlink(missing_ok=True)


def say(line: str) -> None:
    print(line, flush=True)


@contextlib.contextmanager
def prepared(options: argparse.Namespace) -> Iterator[Bench]:
    """The upstream, a Redis where there is one, the tokens, and a folder that goes away."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 60000), hard), hard))
    secret, other = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory(prefix="bench-") as name, contextlib.ExitStack() as ends:
        folder = Path(name)
        folder.chmod(0o755)
        upstream, port = start_upstream(folder / "upstream", secret)
        ends.callback(stop, upstream)
        good = [token(secret, f"user-{number}") for number in range(USERS)]
        bad = [spoilt(token(other, f"user-{number}"), number) for number in range(USERS)]
        bench = Bench(options, folder, upstream, port, secret, token_files(folder, good, bad))
        with contextlib.suppress(FileNotFoundError):
            redis_port = free_port()
            command = [found("redis-server"), "--port", str(redis_port), "--bind", "127.0.0.1", "--save", ""]
            ends.callback(stop, start(command, AROUND, folder=folder))
            bench.redis = f"redis://127.0.0.1:{redis_port}/0"
        yield bench


def parse(arguments: list[str]) -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return [name for name in text.split(",") if name]

    parser = argparse.ArgumentParser(description="Measure the gateway beside its peers.")
    parser.add_argument("--quick", action="store_true", help="under two minutes: fewer scenarios, one short round")
    parser.add_argument("--rounds", type=int, help="how often each is measured (3; quick: 1)")
    parser.add_argument("--seconds", type=int, help="how long one measurement takes (5; quick: 1)")
    parser.add_argument("--idle", type=int, help="idle connections (10000; quick: 2000; 0: leave out)")
    parser.add_argument("--only", type=names, default=[], help="scenarios, comma-separated")
    parser.add_argument("--contestants", type=names, default=[], help="comma-separated")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where latest.json and chart.svg go")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.seconds = options.seconds or (1 if options.quick else 5)
    if options.idle is None:
        options.idle = 2000 if options.quick else 10000
    unknown = set(options.only) - {one.name for one in SCENARIOS}
    unknown |= set(options.contestants) - {one.name for one in CONTESTANTS}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    load_before, began = os.getloadavg()[0], time.time()
    with prepared(options) as bench:
        for number in range(options.rounds):
            say(f"round {number + 1} of {options.rounds}")
            bench.round(number)
        if options.idle:
            bench.idle_connections()
        versions = {one.name: one.described() for one in bench.contestants() if one.name not in _gone(bench)}
        results = {
            "when": time.strftime("%Y-%m-%d", time.gmtime(began)),
            "machine": {"processor": cpu_model(), "cores": len(CORES), "python": python()},
            "quick": options.quick,
            "rounds": options.rounds,
            "seconds": options.seconds,
            "took_s": round(time.time() - began),
            "load_before": round(load_before, 2),
            "versions": versions,
            "proofs": bench.proofs,
            "missing": bench.missing,
            "rest_mib": {name: round(value, 1) for name, value in bench.rest_mib.items()},
            "worker_mib": round(bench.worker_mib, 1) or None,
            "idle": bench.idle,
            "samples": {
                scenario: {name: [sample.as_dict() for sample in kept] for name, kept in by.items()}
                for scenario, by in bench.samples.items()
            },
        }
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "latest.json").write_text(json.dumps(results, indent=1) + "\n")
    (options.results / "chart.svg").write_text(chart.draw(results))
    text = report.write(options.results)
    say("\n" + text)
    return 0 if bench.samples else 1


def python() -> str:
    """The interpreter of the gateway and the aiohttp proxy, which its build makes quick or slow (scripts/python)."""
    return f"{platform.python_implementation()} {platform.python_version()} ({platform.python_compiler()})"


def _gone(bench: Bench) -> set[str]:
    """Who was not installed."""
    return {what.split()[0] for what, why in bench.missing.items() if "is not installed" in why}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
