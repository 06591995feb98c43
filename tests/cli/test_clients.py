"""``gateway clients``: the busiest ones, and who has the calls under way."""

from __future__ import annotations

import pytest

from tests.cli.operators import Operators

BODY = {
    "since": "2026-01-01T12:00:00Z",
    "clients": [
        {"client": "0123456789ab", "kind": "user", "requests": 812, "over": 3, "refusals": 640},
        {"client": "ba9876543210", "kind": "address", "requests": 1, "over": 0, "refusals": 0},
    ],
    "shares": [
        {
            "worker": 1,
            "upstream": "toolkit",
            "limit": 100,
            "taken": 12,
            "waiting": 4,
            "holders": [
                {"client": "0123456789ab", "kind": "user", "calls": 10},
                {"client": None, "kind": "service", "calls": 2},
            ],
        },
        {
            "worker": 0,
            "upstream": None,
            "limit": 250,
            "taken": 260,
            "waiting": 0,
            "holders": [{"client": "ba9876543210", "kind": "address", "calls": 250}],
        },
        {"worker": 0, "upstream": "stt", "limit": 100, "taken": 0, "waiting": 0, "holders": []},
    ],
}


async def test_the_busiest_and_who_has_the_calls_are_tables_or_json(
    operators: Operators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operators.admin, "clients", lambda: BODY)
    code, out, err = await operators.command("clients")
    assert (code, err) == (0, "")
    assert [line.split() for line in out.splitlines()] == [
        ["since", "2026-01-01T12:00:00Z"],
        ["CLIENT", "KIND", "REQUESTS", "TOO", "HIGH", "BY", "REFUSED"],
        ["0123456789ab", "user", "812", "3", "640"],
        ["ba9876543210", "address", "1", "0", "0"],
        ["LIMITED", "WORKER", "UNDER", "WAY", "WAITING", "CLIENT", "KIND", "CALLS"],
        ["toolkit", "1", "12", "of", "100", "4", "0123456789ab", "user", "10"],
        ["toolkit", "1", "12", "of", "100", "4", "-", "service", "2"],
        ["per_address.requests", "0", "260", "0", "ba9876543210", "address", "250", "of", "250"],
    ]
    assert await operators.json("clients") == (0, BODY)


async def test_a_gateway_without_requests_says_so(operators: Operators) -> None:
    assert await operators.command("clients") == (0, "no requests in the last minute or two\n", "")


async def test_without_a_gateway_it_is_an_error(operators: Operators) -> None:
    code, out, err = await operators.bare("clients", "--ops", "http://127.0.0.1:1")
    assert (code, out) == (2, "") and err.startswith("gateway clients: no gateway answers on 127.0.0.1:1")
