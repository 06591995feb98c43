"""What the samples of a run come to: medians, spreads, ratios, and whether the machine was quiet."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

SPREAD = 0.15  # more than this between the rounds, and a figure is called noisy
FOREIGN = 0.05  # share of the machine others may use meanwhile
LOADED = 0.25  # load per core before the run

Results = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians of one contestant in one scenario."""

    per_second: float
    mb_per_second: float
    p50_us: float
    p99_us: float
    cpu_us: float
    load_cpu_us: float
    peak_mib: float
    foreign: float
    spread: float
    """(highest - lowest) / median of the throughput; 0 with one round."""


def figures(samples: list[dict[str, float]]) -> Figures:
    """The medians over the rounds."""
    middle = {key: statistics.median(one[key] for one in samples) for key in samples[0]}
    rates = [one["per_second"] for one in samples]
    return Figures(**middle, spread=(max(rates) - min(rates)) / middle["per_second"])


def table(results: Results) -> dict[str, dict[str, Figures]]:
    """Scenario -> contestant -> medians."""
    return {
        scenario: {name: figures(samples) for name, samples in by.items()}
        for scenario, by in results["samples"].items()
    }


def noise(results: Results) -> list[str]:
    """Why the figures are not to be trusted, a sentence each; empty when the machine was quiet."""
    found = []
    if results["load_before"] > LOADED * results["machine"]["cores"]:
        found.append(f"the load average before the run was {results['load_before']}")
    rows = [(scenario, name, one) for scenario, by in table(results).items() for name, one in by.items()]
    loud = [f"{scenario} {name} {one.spread:.0%}" for scenario, name, one in rows if one.spread > SPREAD]
    if loud:
        found.append(f"rounds differ by more than {SPREAD:.0%}: {', '.join(loud)}")
    shares = [one.foreign for _, _, one in rows]
    if shares and max(shares) > FOREIGN:
        count = sum(share > FOREIGN for share in shares)
        found.append(
            f"other programs used more than {FOREIGN:.0%} of the machine during {count} of {len(shares)} measurements "
            f"(at most {max(shares):.0%})"
        )
    if results["rounds"] < 3:
        found.append(f"{results['rounds']} round(s) only: a spread cannot be told")
    return found


@dataclass(frozen=True, slots=True)
class Target:
    """One promise and what became of it."""

    title: str
    wanted: str
    seen: str
    met: bool | None
    """None: not measured."""


def targets(results: Results, soak: Results | None) -> list[Target]:
    """The promises of this project about its speed."""
    seen = table(results)
    found = [
        _ratio(
            seen,
            "Throughput, 32 connections, to Envoy without its log",
            ("log-32", "gateway"),
            ("policies-32", "envoy"),
            1.5,
        ),
        _ratio(
            seen,
            "Throughput, 256 connections, to Envoy without its log",
            ("log-256", "gateway"),
            ("policies-256", "envoy"),
            1.5,
        ),
        _p99(seen, "32"),
        _p99(seen, "256"),
        _ratio(seen, "Throughput, 1 connection, to Envoy", ("log-1", "gateway"), ("policies-1", "envoy"), 1.0),
        _ratio(
            seen,
            "Throughput, 32 connections, to the aiohttp proxy, which logs too",
            ("log-32", "gateway"),
            ("log-32", "aiohttp"),
            5.0,
        ),
        _ratio(
            seen,
            "Throughput, 32 connections, to the aiohttp proxy without its log",
            ("log-32", "gateway"),
            ("policies-32", "aiohttp"),
            5.0,
        ),
        _ratio(
            seen, "Throughput with limits in Redis, to embedded", ("redis-32", "gateway"), ("log-32", "gateway"), 0.6
        ),
    ]
    each = results["idle"].get("gateway", {}).get("kib_each")
    found.append(_at_most("Memory per idle connection", each, 12, "KiB"))
    found.append(_at_most("A worker at rest", results.get("worker_mib"), 70, "MiB"))
    refused, good = _one(seen, "bad-tokens", "gateway"), _one(seen, "policies-32", "gateway")
    if refused and good:
        text = f"{refused.cpu_us:.0f} us, a good request {good.cpu_us:.0f} us"
        found.append(
            Target(
                "Processor time of a refused bad token",
                "less than of a good request",
                text,
                refused.cpu_us < good.cpu_us,
            )
        )
    if soak is not None:
        p95 = soak["all"]["p95_ms"]
        found.append(Target(f"Soak, {soak['users']} users: p95", "< 200 ms", f"{p95:.1f} ms", p95 < 200))
        found.append(Target("Soak: wrong answers", "0", str(soak["wrong"]), soak["wrong"] == 0))
        slope, error = soak["memory"]["slope_kib_per_minute"], soak["memory"]["error_kib_per_minute"]
        text = f"{slope:+.1f} ± {error:.1f} KiB a minute"
        found.append(Target("Soak: memory slope", "within noise", text, slope <= max(2 * error, 64)))
    return found


Where = tuple[str, str]


def _one(seen: dict[str, dict[str, Figures]], scenario: str, name: str) -> Figures | None:
    return seen.get(scenario, {}).get(name)


def _ratio(seen: dict[str, dict[str, Figures]], title: str, ours: Where, theirs: Where, least: float) -> Target:
    """A missing scenario of Envoy or aiohttp without its log is taken with it: that only makes the target easier to see."""
    one = _one(seen, *ours)
    other = _one(seen, *theirs) or _one(seen, theirs[0].replace("policies", "log"), theirs[1])
    wanted = f"≥ {least:g} x"
    if one is None or other is None:
        return Target(title, wanted, "not measured", None)
    value = one.per_second / other.per_second
    return Target(
        title, wanted, f"{value:.2f} x ({one.per_second:,.0f}/s to {other.per_second:,.0f}/s)", value >= least
    )


def _p99(seen: dict[str, dict[str, Figures]], connections: str) -> Target:
    one = _one(seen, f"log-{connections}", "gateway")
    other = _one(seen, f"policies-{connections}", "envoy") or _one(seen, f"log-{connections}", "envoy")
    title = f"p99, {connections} connections, to Envoy"
    if one is None or other is None:
        return Target(title, "not above", "not measured", None)
    text = f"{one.p99_us / 1000:.2f} ms to {other.p99_us / 1000:.2f} ms"
    return Target(title, "not above", text, one.p99_us <= other.p99_us)


def _at_most(title: str, value: float | None, most: float, unit: str) -> Target:
    if value is None:
        return Target(title, f"≤ {most:g} {unit}", "not measured", None)
    return Target(title, f"≤ {most:g} {unit}", f"{value:.1f} {unit}", value <= most)


def losses(results: Results) -> list[str]:
    """Where a peer is better than the gateway, a sentence per scenario and measure."""
    found = []
    titles = {
        "per_second": "throughput",
        "p99_us": "p99",
        "cpu_us": "processor time per request",
        "peak_mib": "peak memory",
    }
    for scenario, by in table(results).items():
        ours = by.get("gateway")
        if ours is None:
            continue
        for key, title in titles.items():
            mine = getattr(ours, key)
            sign = 1 if key == "per_second" else -1
            ahead = [
                f"{name} {max(getattr(one, key), mine) / max(min(getattr(one, key), mine), 1e-9):.1f} x"
                for name, one in by.items()
                if name != "gateway" and sign * getattr(one, key) > sign * mine
            ]
            if ahead:
                found.append(f"{scenario}, {title}: {', '.join(ahead)} better")
    ours_idle = results["idle"].get("gateway", {}).get("kib_each")
    if ours_idle is not None:
        ahead = [
            f"{name} {one['kib_each']:.1f} KiB" for name, one in results["idle"].items() if one["kib_each"] < ours_idle
        ]
        if ahead:
            found.append(f"idle connections, memory of each (ours {ours_idle:.1f} KiB): {', '.join(ahead)}")
    return found
