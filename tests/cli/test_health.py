"""``gateway health``: how it is, why not well, and which keys can go; on a terminal and for programs."""

from __future__ import annotations

import pytest

from tests.cli.operators import Operators

BODY = {
    "status": "degraded",
    "reasons": ["upstream tutor is degraded"],
    "build": {"version": "1.2.3", "revision": "c0ffee" * 6},
    "environment": "production",
    "config": {
        "digest": "d" * 64,
        "loaded_at": "2026-01-01T12:00:00Z",
        "needs_restart": [],
        "refused": {"at": "2026-01-01T13:00:00Z", "problems": ["upstreams.yaml:1:1  is wrong"]},
    },
    "workers": {"wanted": 2, "ready": 1},
    "cpus": {"usable": 2, "cores": 8, "quota": 1.5},
    "upstreams": {
        "tutor": {
            "status": "degraded",
            "breaker": {"state": "closed"},
            "endpoints": [
                {"healthy": True, "in_flight": 3, "unreachable": ["::1"]},
                {"healthy": False, "in_flight": 1},
            ],
        },
    },
    "token_keys": {
        "access": [
            {"key": "aaaa", "verified": 3, "last_verified_at": None, "can_go": False, "can_go_at": None},
            {"key": "bbbb", "verified": 0, "can_go": False, "can_go_at": "2026-01-01T12:15:00Z"},
            {"key": "cccc", "verified": 0, "can_go": True, "can_go_at": "2026-01-01T12:15:00Z"},
        ]
    },
}


async def test_what_is_wrong_comes_first(operators: Operators, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators.admin, "status", lambda: BODY)
    code, out, err = await operators.command("health")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:2] == ["degraded", "  upstream tutor is degraded"]
    facts = "version 1.2.3 c0ffeec0ffee  environment production  digest dddddddddddd  loaded 2026-01-01T12:00:00Z"
    assert lines[2] == f"{facts}  workers 1 of 2  processors 2"
    assert lines[3] == "  refused: upstreams.yaml:1:1  is wrong"
    assert lines[5].split() == [
        "tutor",
        "degraded",
        "closed",
        *["1", "of", "2", "healthy,", "1", "address", "unreachable"],
        "4",
    ]
    keys = [line.split(maxsplit=4) for line in lines[7:]]
    assert [row[1] for row in keys] == ["aaaa", "bbbb", "cccc"]
    assert [row[-1].strip() for row in keys] == ["signs", "at 2026-01-01T12:15:00Z, if it verifies no more", "yes"]


@pytest.mark.parametrize(
    ("status", "code"), [("ok", 0), ("degraded", 0), ("down", 1), ("draining", 1), ("starting", 1)]
)
async def test_whether_it_serves_is_the_exit_code(operators: Operators, status: str, code: int) -> None:
    operators.admin.health = status
    ended, body = await operators.json("health")
    assert (ended, body["status"], body["version"]) == (code, status, "1")
    assert (await operators.command("health"))[0] == code


async def test_what_failed_is_told_with_where_and_how(operators: Operators, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = {"failure": "connect", "error": "refused", "address": "10.0.0.7:80", "at": "2026-01-01T12:00:00Z"}
    status = {"failure": "status", "status": 502, "at": "2026-01-01T12:00:01Z"}
    upstreams = {
        "tutor": {
            "status": "down",
            "breaker": {"state": "closed", "last_failure": status},
            "endpoints": [
                {"address": "a:80", "healthy": True, "last_failure": refused},
                {"address": "b:80", "healthy": False, "last_failure": refused},
            ],
        },
        "stt": {"status": "degraded", "breaker": {"state": "open", "last_failure": status}, "endpoints": []},
    }
    monkeypatch.setattr(operators.admin, "status", lambda: {**BODY, "upstreams": upstreams})
    lines = (await operators.command("health"))[1].splitlines()
    assert lines[2:4] == [
        "  tutor, endpoint b:80: refused (10.0.0.7:80), last at 2026-01-01T12:00:00Z",
        "  stt, breaker open: status 502, last at 2026-01-01T12:00:01Z",
    ]
