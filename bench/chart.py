"""The chart of the README: throughput with all policies, as SVG that needs nothing."""

from __future__ import annotations

from html import escape

from bench.summary import Results, noise, table

WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 760, 90, 170, 20, 8, 78
SHOWN = ("log-32", "log-256")
OURS, THEIRS = "#2563eb", "#94a3b8"


def draw(results: Results) -> str:
    """Bars per contestant, the longest first, for 32 and 256 connections with policies and access log."""
    seen = {name: by for name, by in table(results).items() if name in SHOWN and by}
    most = max((one.per_second for by in seen.values() for one in by.values()), default=1.0)
    parts: list[str] = []
    y = TOP
    for scenario, by in seen.items():
        parts.append(_text(LEFT, y, f"{scenario.partition('-')[2]} connections", "group"))
        y += 12
        for name, one in sorted(by.items(), key=lambda item: -item[1].per_second):
            width = one.per_second / most * (WIDTH - LEFT - RIGHT)
            colour = OURS if name == "gateway" else THEIRS
            parts.append(_text(LEFT - 8, y + 15, name, "name"))
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="3" fill="{colour}"/>')
            told = f"{one.per_second:,.0f}/s, p99 {one.p99_us / 1000:.1f} ms"
            parts.append(_text(round(LEFT + width + 6), y + 15, told, "value"))
            y += BAR + GAP
        y += 26
    machine = results["machine"]
    below = f"{machine['processor']}, one core each; median of {results['rounds']} x {results['seconds']} s"
    if noise(results):
        below += "; a noisy run"
    heading = _text(16, 28, "Requests per second with every policy and the access log on", "title")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img" '
        'aria-label="Throughput of the gateway and its peers">\n'
        "<style>text{font-family:system-ui,sans-serif;font-size:13px;fill:#334155}.title{font-size:16px;font-weight:600;"
        "fill:#0f172a}.name{text-anchor:end}.value{font-size:12px}.group{font-weight:600}.below{font-size:11px;"
        "fill:#64748b}</style>\n"
        f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>\n'
        + "\n".join([heading, _text(16, 48, below, "below"), *parts])
        + "\n</svg>\n"
    )


def _text(x: int, y: int, words: str, kind: str) -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(words)}</text>'
