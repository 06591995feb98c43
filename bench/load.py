"""One load by wrk on one running contestant, and what it cost."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.bodies import TYPES
from bench.contestants import HERE, Running, found
from bench.process import AROUND, CORES, Busy, cpu_seconds, forget_peak, peak_kib
from bench.prove import GOOD_ORIGIN
from bench.scenarios import Scenario


class Spoilt(Exception):
    """The answers were not those the scenario expects; its figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement."""

    per_second: float
    mb_per_second: float
    p50_us: float
    p99_us: float
    cpu_us: float
    """Processor time of the contestant per request, all its processes."""
    load_cpu_us: float
    """The same of the load generator: what a request costs the one who sends it."""
    peak_mib: float
    foreign: float
    """Share of the machine that others used meanwhile, 0 to 1."""

    def as_dict(self) -> dict[str, float]:
        return {key: round(value, 4) for key, value in asdict(self).items()}


def token_files(folder: Path, good: list[str], bad: list[str]) -> dict[str, Path]:
    """The tokens where the load finds them."""
    files = {"good": folder / "good-tokens", "bad": folder / "bad-tokens"}
    files["good"].write_text("\n".join(good) + "\n")
    files["bad"].write_text("\n".join(bad) + "\n")
    return files


def measure(
    running: Running, scenario: Scenario, seconds: int, tokens: Path, upstream: int, body: Path | None = None
) -> Sample:
    """Load it for ``seconds``. ``upstream`` is the backend's process, ``body`` what each request carries. Raises Spoilt."""
    running.look()
    environment = {
        "BENCH_METHOD": scenario.method,
        "BENCH_PATH": scenario.path,
        "BENCH_BODY": str(body or ""),
        "BENCH_TYPE": TYPES[scenario.content],
        "BENCH_ORIGIN": GOOD_ORIGIN,
        "BENCH_TOKENS": str(tokens),
    }
    command = [found("wrk"), "-t1", f"-c{scenario.connections}", f"-d{seconds}s", "--timeout", "10s"]
    command += ["--latency", "-s", str(HERE / "wrk" / "load.lua"), running.url]
    forget_peak(running.pids)
    busy, used, behind = Busy.now(), cpu_seconds(running.pids), cpu_seconds([upstream])
    children, began = _children(), time.monotonic()
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, AROUND),
    )
    elapsed, load = time.monotonic() - began, _children() - children
    cost, later = cpu_seconds(running.pids) - used, Busy.now()
    ours = cost + load + cpu_seconds([upstream]) - behind
    others = max(0.0, later.used - busy.used - ours) + later.stolen - busy.stolen
    seen = _seen(done, running, scenario)
    return Sample(
        per_second=seen["requests"] / seen["seconds"],
        mb_per_second=max(seen["bytes"], seen["requests"] * scenario.body) / seen["seconds"] / 1e6,
        p50_us=seen["p50_us"],
        p99_us=seen["p99_us"],
        cpu_us=cost / seen["requests"] * 1e6,
        load_cpu_us=load / seen["requests"] * 1e6,
        peak_mib=peak_kib(running.pids) / 1024,
        foreign=others / (elapsed * len(CORES)),
    )


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _seen(done: subprocess.CompletedProcess[str], running: Running, scenario: Scenario) -> dict[str, float]:
    """What wrk saw, once it is sure that the answers were the right ones."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    where = f"{running.contestant.name}, {scenario.name}"
    if not lines:
        raise Spoilt(f"{where}: the load generator said {(done.stderr or done.stdout)[-400:]}")
    seen: dict[str, float] = json.loads(lines[0].removeprefix("RESULT "))
    if not seen["requests"]:
        raise Spoilt(f"{where}: no request was answered")
    wrong = seen["requests"] - seen["refused"] if scenario.refused else seen["refused"]
    # The limit gives a handful back while the flood lasts; everything else is all or nothing.
    allowed = 20 + seen["seconds"] if scenario.refused else 0
    if wrong > allowed or seen["broken"] > seen["requests"] * 0.001:
        raise Spoilt(f"{where}: {wrong:.0f} wrong and {seen['broken']:.0f} broken of {seen['requests']:.0f} answers")
    return seen
