"""The configuration in health, and its settings one by one: sources for all, values of none that is a secret."""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from gateway.config.setting import Setting
from gateway.core.secret import Secret
from gateway.core.units import Rate
from gateway.ops.health.configuration import listed, reload_reasons, reload_status


@dataclass
class Refused:
    at: float = 1_767_268_800.0
    problems: tuple[str, ...] = ("a.yaml:1:1  is wrong", "a.yaml:2:1  is wrong too")


def test_a_refused_reload_and_a_pending_restart_are_named() -> None:
    assert reload_status(Refused(), ["state"]) == {
        "refused": {"at": "2026-01-01T12:00:00Z", "problems": ["a.yaml:1:1  is wrong", "a.yaml:2:1  is wrong too"]},
        "needs_restart": ["state"],
    }
    assert reload_reasons(Refused(), ["state", "ops.port"]) == [
        "the reload of 2026-01-01T12:00:00Z was refused: a.yaml:1:1  is wrong (and 1 more)",
        "only a restart brings into force: state, ops.port",
    ]
    assert reload_reasons(None, []) == []
    assert reload_status(None, []) == {"refused": None, "needs_restart": []}


def test_settings_are_plain_and_secrets_are_fingerprints() -> None:
    settings = [
        Setting("a", Secret("s3cr3t"), "environment A", "x.yaml:1:2"),
        Setting("b", Secret(""), "default of B", "x.yaml:1:2"),
        Setting("c", (ip_network("10.0.0.0/8"), Path("/x"), Rate(5, 60.0)), "file", "x.yaml:1:2"),
        Setting("d", {"k": True, "n": 1.5}, "default", ""),
        Setting("e", "Bearer abcdefghijklmnop", "file", "x.yaml:1:2"),
        Setting("f", object, "file", "x.yaml:1:2"),
    ]
    rows = listed(settings, lambda secret: "f1nger")
    assert rows[0] == {"path": "a", "fingerprint": "f1nger", "source": "environment A", "at": "x.yaml:1:2"}
    assert rows[1]["fingerprint"] is None
    assert rows[2]["value"] == ["10.0.0.0/8", "/x", "5/minute"]
    assert (rows[3]["value"], rows[3]["at"]) == ({"k": True, "n": 1.5}, None)
    assert rows[4]["value"] == "<secret>"
    assert "s3cr3t" not in json.dumps(rows)
