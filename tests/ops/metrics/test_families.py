"""The list of metrics: every name once, and every name explained to operators."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.ops.metrics import families
from gateway.ops.metrics.families import Counter, Gauge, Histogram

ROOT = Path(__file__).parents[3]
ALL = [one for one in vars(families).values() if isinstance(one, Counter | Gauge | Histogram)]


def test_every_name_is_there_once() -> None:
    names = [family.name for family in ALL]
    assert len(names) == len(set(names)) == 37


def test_what_a_worker_counts_is_exposed() -> None:
    of_the_supervisor = {
        families.UP,
        families.WORKERS,
        families.WORKER_RESTARTS,
        families.CONFIG_RELOADS,
        families.CONFIG_RELOAD_ATTEMPTS,
        families.CONFIG_REFUSED,
        families.CONFIG_NEEDS_RESTART,
    }
    assert set(families.WORKER) == set(ALL) - of_the_supervisor


def test_names_follow_the_conventions_of_prometheus() -> None:
    for family in ALL:
        assert re.fullmatch(r"gateway_[a-z_]+", family.name)
        assert family.name.endswith("_total") == isinstance(family, Counter), family.name
        assert family.name.endswith("_seconds") == isinstance(family, Histogram), family.name
        assert family.help.endswith(".")


def test_every_metric_and_label_is_documented() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    rows = {}
    for row in page.splitlines():
        names = row.split("|")[1] if row.startswith("| `gateway_") else ""
        rows.update(dict.fromkeys(re.findall(r"`(gateway_\w+)`", names), row))
    assert {family.name for family in ALL} == rows.keys()
    for family in ALL:
        for label in family.labels:
            assert f"`{label}`" in rows[family.name], f"{family.name}: {label}"
